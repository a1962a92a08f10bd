"""Where steerstack keeps what it makes: studies in progress, and the default registry."""

import os
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from steerstack.errors import SteerstackError


def home() -> Path:
    """``STEERSTACK_HOME``, or the user's data folder.

    Raises
    ------
    SteerstackError
        Nothing says where the user's folders are.
    """
    return _folder("STEERSTACK_HOME", user_data_path)


def cache_folder() -> Path:
    """The user's cache, or ``STEERSTACK_CACHE``; raises as :func:`home` does."""
    return _folder("STEERSTACK_CACHE", user_cache_path)


def _folder(variable: str, otherwise: Callable[[str], Path]) -> Path:
    setting = os.environ.get(variable)
    if setting:
        return Path(setting)
    try:
        folder, reason = otherwise("steerstack"), ""
    except RuntimeError as error:  # no HOME, and no user of this process's number
        folder, reason = Path(), str(error)
    if not folder.is_absolute():
        raise SteerstackError(
            "It is not known where this user's folders are.",
            seen=reason or f"HOME is not set, and {folder} is not an absolute path",
            fix=f"Set HOME, or name a folder in {variable}.",
        )
    return folder
