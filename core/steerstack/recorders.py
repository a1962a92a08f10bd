"""The installed recorder; light, so that a list of vectors waits neither for torch nor for MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.errors import PluginError
from steerstack.files import check_room
from steerstack.home import home
from steerstack.plugins import plugins

if TYPE_CHECKING:
    from steerstack.events import Recorder


def recorder() -> Recorder:
    """The installed recorder.

    Raises
    ------
    PluginError
        None is installed, or it failed to import.
    """
    manager = plugins()
    for cls in manager.recorders().values():
        return cls()
    causes = "; ".join(f"{plugin.name}: {plugin.cause}" for plugin in manager.failed)
    raise PluginError("No recorder is installed.", seen=causes or "none", fix="Reinstall steerstack.")


def check_places(*, record: bool, tracking_uri: str | None) -> None:
    """See before a study whether it can be kept: its own folder, and the registry where it is local.

    A server that is down is no reason not to begin: results wait in the outbox until it is back.

    Raises
    ------
    SteerstackError
        A folder cannot be written, or its disk is nearly full.
    """
    check_room(home())
    if record:
        recorder().ready(tracking_uri=tracking_uri)
