"""Steered models inside the field's evaluation harnesses: lm-evaluation-harness and Inspect.

Each is an optional extra. This module imports neither, and nor does any other part of steerstack
unless it is asked to run one.
"""

from __future__ import annotations

import importlib.util

from steerstack.errors import PluginError


def require(package: str, extra: str) -> None:
    """Refuse to go on without a harness.

    Parameters
    ----------
    package:
        The module that is needed.
    extra:
        The extra of steerstack that brings it.

    Raises
    ------
    PluginError
        It is not installed.
    """
    if importlib.util.find_spec(package) is None:
        raise PluginError(f"{package} is not installed.", fix=f"pip install steerstack[{extra}]")
