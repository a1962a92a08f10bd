"""Where steerstack keeps what it makes: studies in progress, and the default registry."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def home() -> Path:
    """``STEERSTACK_HOME``, or the user's data folder."""
    return Path(os.environ.get("STEERSTACK_HOME") or user_data_path("steerstack"))


def cache_folder() -> Path:
    """The user's cache, or ``STEERSTACK_CACHE``."""
    return Path(os.environ.get("STEERSTACK_CACHE") or user_cache_path("steerstack"))
