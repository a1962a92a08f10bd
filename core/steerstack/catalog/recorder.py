"""The installed recorder; light, so that a list of vectors waits neither for torch nor for MLflow."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from steerstack.catalog.listeners import tell
from steerstack.catalog.manager import plugins
from steerstack.errors import PluginError
from steerstack.util.files import check_room
from steerstack.util.folders import home

if TYPE_CHECKING:
    from steerstack.contracts.recorder import Recorded, Recorder, RunRecord


def recorder() -> Recorder:
    """The installed recorder.

    Raises
    ------
    PluginError
        None is installed, or it failed to import.
    """
    manager = plugins()
    for cls in manager.offers("recorder").values():
        return cls()
    causes = "; ".join(f"{plugin.name}: {plugin.cause}" for plugin in manager.failed)
    raise PluginError("No recorder is installed.", seen=causes or "none", fix="Reinstall steerstack.")


def record_run(run: RunRecord, *, tracking_uri: str | None = None) -> Recorded:
    """Keep a run, of ours or one that a plugin describes, and tell listeners.

    Raises
    ------
    RegistryError
        The store cannot be reached; the run is kept locally.
    """
    recorded = recorder().record(run, tracking_uri=tracking_uri)
    tell("recorded", f"{run.kind} {run.behavior}", **asdict(recorded))
    return recorded


def check_places(*, record: bool, tracking_uri: str | None) -> str:
    """See before a study whether it can be kept: in its own folder, and in the registry.

    A server that is down is no reason not to begin: results wait in the outbox until it is back.

    Returns
    -------
    str
        What is wrong with a store that is away for now; empty where it is there, or nothing is recorded.

    Raises
    ------
    SteerstackError
        A folder cannot be written, or its disk is nearly full; or the store will never take results.
    """
    check_room(home())
    if not record:
        return ""
    away = recorder().ready(tracking_uri=tracking_uri)
    return f"{away} The result will wait for it here, to be brought there by `steerstack send`." if away else ""
