"""Runs that could not be delivered: kept whole on this machine, and sent later, once."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from steerstack.address import HIDDEN
from steerstack.contracts.recorder import Recorded, RunRecord
from steerstack.errors import RegistryError, SteerstackError, first_line
from steerstack.util.locks import locked
from steerstack_registry.access import location
from steerstack_registry.write import kept_run
from steerstack_registry.write.delivery import Delivery, prepare
from steerstack_registry.write.kept_run import RECORD


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
    with contextlib.suppress(RegistryError, OSError), alone():
        for folder in same:
            if kept_run.meant_for(folder) == location.without_password(uri):
                shutil.rmtree(folder)


def keep(delivery: Delivery, uri: str) -> Path:
    """Write a run to the outbox, whole or not at all."""
    folder = location.outbox() / delivery.record_id
    kept_run.write(delivery, uri, folder)
    return folder


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
                delivery, meant_for = kept_run.read(folder)
                uri = tracking_uri or _address(meant_for)
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
    except Exception as error:  # the others are to be sent all the same
        raise RegistryError(
            f"{folder} was not recorded.", seen=f"{type(error).__name__}: {first_line(error)}"[:300]
        ) from error
    shutil.rmtree(folder)
    return receipt


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
