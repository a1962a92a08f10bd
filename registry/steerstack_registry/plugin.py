"""The registry as a plugin of steerstack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.catalog.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from steerstack.contracts.recorder import Recorder


@hookimpl
def steerstack_recorders() -> "list[type[Recorder]]":
    """The MLflow recorder; imported when somebody asks, since events bring torch."""
    from steerstack_registry.recorder import MLflowRecorder

    return [MLflowRecorder]


@hookimpl
def steerstack_commands() -> Mapping[str, Callable[..., Any]]:
    """``steerstack registry``."""
    from steerstack_registry.commands import app

    return {"registry": app}
