"""The commands ``sandbag`` and ``audit`` of steerstack's command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.catalog.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


@hookimpl
def steerstack_commands() -> Mapping[str, Callable[..., Any]]:
    """Demonstration, calibration, and the audit of a model."""
    from steerstack_plugins.sandbagging.commands.app import app, audit

    return {"sandbag": app, "audit": audit}
