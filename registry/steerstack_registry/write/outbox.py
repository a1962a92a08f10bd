"""Runs that could not be delivered: kept whole on this machine, and sent later, once."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steerstack.address import HIDDEN
from steerstack.contracts.recorder import Effect, Recorded, RunRecord
from steerstack.errors import RegistryError, SteerstackError
from steerstack.steering.vector import SteeringVector
from steerstack.util.files import write_atomically
from steerstack.util.locks import locked
from steerstack_registry.access import location
from steerstack_registry.write.delivery import Delivery, facts, prepare

RECORD = "record.json"


class KeptError(RegistryError):
    """The store could not take a run; it waits in ``folder``."""

    def __init__(self, happened: str, *, seen: str, fix: str, folder: Path) -> None:
        super().__init__(happened, seen=seen, fix=fix)
        self.folder = folder


def record(run: RunRecord, tracking_uri: str | None = None) -> Recorded:
    """Record one run.

    Raises
    ------
    KeptError
        The store cannot take it: the run waits in the outbox.
    SteerstackError
        Nor could it be kept there, for want of space.
    """
    uri = location.resolve(tracking_uri)
    delivery = prepare(run)
    try:
        from steerstack_registry.write.store import MLflowStore

        receipt = MLflowStore(uri).deliver(delivery)
    except KeyboardInterrupt:  # somebody tired of waiting for the store
        keep(delivery, uri)
        raise
    except Exception as error:  # whatever it was, the run is worth more
        folder = keep(delivery, uri)
        reason = error.seen if isinstance(error, SteerstackError) else f"{type(error).__name__}: {error}"
        raise KeptError(
            f"The tracking store {location.without_password(uri)} did not take the run; it is kept in {folder}.",
            seen=location.without_password(reason, uri),
            fix="Bring it there later: steerstack send.",
            folder=folder,
        ) from error
    _drop(delivery, uri)
    return receipt


def _drop(delivery: Delivery, uri: str) -> None:
    """Remove what waits with the same content for the same store: an earlier go at the same command left it."""
    same = [folder for folder in pending() if folder.name.endswith(f"-{delivery.content}")]
    if not same:
        return
    with contextlib.suppress(RegistryError, OSError, ValueError, KeyError), alone():
        for folder in same:
            if json.loads((folder / RECORD).read_text())["tracking_uri"] == location.without_password(uri):
                shutil.rmtree(folder)


def keep(delivery: Delivery, uri: str) -> Path:
    """Write a run to the outbox, whole or not at all."""
    run, final = delivery.run, location.outbox() / delivery.record_id
    partial = final.with_name(f".{final.name}.partial")
    try:
        for place, vector in enumerate(run.vectors.values()):
            vector.save(partial / "vectors" / f"{place}.safetensors")
        for place, path in enumerate(run.files):
            write_atomically(partial / "files" / str(place) / path.name, path.read_bytes())
        content = {
            **facts(run),
            "roles": list(run.vectors),
            "files": [f"{place}/{path.name}" for place, path in enumerate(run.files)],
            "tracking_uri": location.without_password(uri),
            "created_ms": delivery.created_ms,
            "tags": dict(delivery.tags),
        }
        # Not write_json: an effect may be NaN, and comes back as such.
        write_atomically(partial / RECORD, json.dumps(content, indent=1, ensure_ascii=False))
        partial.rename(final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return final


def pending() -> list[Path]:
    """The folders of the runs that wait, oldest first."""
    folder = location.outbox()
    return sorted(path.parent for path in folder.glob(f"*/{RECORD}") if not path.parent.name.startswith("."))


def send_all(tracking_uri: str | None = None) -> list[Recorded]:
    """Send every run that waits to the store it was meant for, or to the one given.

    Raises
    ------
    RegistryError
        Some could not be sent, and still wait; those that were sent are gone from the outbox.
    """
    receipts: list[Recorded] = []
    failures: list[tuple[Path, SteerstackError]] = []
    down: set[str] = set()
    with alone():
        for folder in pending():
            try:
                delivery, uri = _read(folder, tracking_uri)
                if uri not in down:
                    receipts.append(_send(folder, delivery, uri, down))
            except SteerstackError as error:
                failures.append((folder, error))
    backlog = pending()
    if failures:
        folder, first = failures[0]
        raise RegistryError(
            f"{len(receipts)} sent, {len(backlog)} still waiting in {location.outbox()}.",
            seen=f"{folder.name}: {first.happened} {first.seen}".strip(),
            fix=first.fix or "Try again when the store answers.",
        )
    return receipts


def _send(folder: Path, delivery: Delivery, uri: str, down: set[str]) -> Recorded:
    from steerstack_registry.write.store import MLflowStore

    try:
        receipt = MLflowStore(uri).deliver(delivery)
    except RegistryError:
        down.add(uri)  # one wait for a store that is down, not one for each run
        raise
    shutil.rmtree(folder)
    return receipt


def _read(folder: Path, tracking_uri: str | None) -> tuple[Delivery, str]:
    try:
        content: dict[str, Any] = json.loads((folder / RECORD).read_text())
        created_ms, tags = content.pop("created_ms"), content.pop("tags")
        meant_for = str(content.pop("tracking_uri"))
        files = [folder / "files" / name for name in content.pop("files")]
        vectors = {
            role: SteeringVector.load(folder / "vectors" / f"{place}.safetensors")
            for place, role in enumerate(content.pop("roles"))
        }
        effects = [Effect(**effect) for effect in content.pop("effects")]
        run = RunRecord(**content, vectors=vectors, effects=effects, files=files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RegistryError(
            f"{folder} cannot be read.", seen=str(error), fix="Something changed it: mend it, or remove the folder."
        ) from error
    return Delivery(run, folder.name, created_ms, tags), tracking_uri or _address(meant_for)


def _address(meant_for: str) -> str:
    """The store a run was meant for. Its password is not kept on disk, so it must come from the user."""
    if HIDDEN not in meant_for:
        return meant_for
    now = location.resolve()
    if location.without_password(now) == meant_for:
        return now
    raise RegistryError(
        f"The run was meant for {meant_for}, and its password is not kept.",
        fix="Give the whole address: steerstack send --tracking-uri ...",
    )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep a second ``send`` away while one is at work; raises RegistryError where one is."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(location.outbox() / ".lock", wait=False))
        except BlockingIOError as error:
            raise RegistryError("Another send is at work.", fix="Wait until it is done.") from error
        yield
