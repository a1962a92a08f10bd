"""The registry as a plugin of steerstack."""

from typing import TYPE_CHECKING

from steerstack.hookspecs import hookimpl

if TYPE_CHECKING:
    from steerstack.events import Recorder


@hookimpl
def steerstack_recorders() -> "list[type[Recorder]]":
    """The MLflow recorder; imported when somebody asks, since events bring torch."""
    from steerstack_registry.recorder import MLflowRecorder

    return [MLflowRecorder]
