"""The process that holds the model and runs what clients send; it is killed and replaced without loss of the queue.

Client and server share a machine here, so nothing that comes back from it is unpickled: JSON and bytes.
"""

import gc
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil  # type: ignore[import-untyped]

from steerstack import errors
from steerstack.errors import ModelError, SteerstackError
from steerstack.serving.limits import Limits

METHOD = "spawn"
"""How the process begins: a fork would be without the threads of what is loaded, and CUDA refuses it."""

LOOK = 0.25
"""Seconds between two looks at the memory and at whether the job is still wanted."""


@dataclass(frozen=True)
class ModelOrder:
    """What a worker opens, as of :func:`steerstack.open_model`.

    Attributes
    ----------
    source, revision, dtype, device:
        Of the model.
    ready:
        Called in the worker once the model is open.
    """

    source: str
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None
    ready: Callable[[], None] | None = None


class Worker:
    """Runs one job after another in a process of its own.

    Parameters
    ----------
    opening:
        What it opens.
    limits:
        Of time and memory.
    """

    def __init__(self, opening: ModelOrder, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
        self._opening, self._limits = opening, limits
        self._context = multiprocessing.get_context(METHOD)
        self.started = 0
        self.names: tuple[str, ...] = ()
        self.revision = "main"

    def start(self) -> None:
        """Open the model.

        Raises
        ------
        ModelError
            That fails, or the process dies of it.
        """
        ours, theirs = self._context.Pipe()
        self._process: Any = self._context.Process(  # type: ignore[attr-defined]
            target=_main, args=(theirs, self._opening), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe: Connection = ours
        self.started += 1
        try:
            message, _ = _receive(ours)
        except (EOFError, OSError, ValueError) as error:
            self._process.join()
            raise ModelError(
                "The process that was to open the model died.", seen=f"exit code {self._process.exitcode}"
            ) from error
        if "error" in message:
            self.stop()
            raise getattr(errors, message["error"], ModelError)(
                message["happened"], seen=message["seen"], fix=message["fix"]
            )
        self.names, self.revision = tuple(message["names"]), message["revision"]
        self._held = self._size()

    def run(self, envelope: str, blob: bytes, wanted: Callable[[], bool] = lambda: True) -> bytes:
        """Run a request; what it saved, packed as its client expects it.

        Parameters
        ----------
        envelope, blob:
            The request.
        wanted:
            Whether somebody still waits for it; else it is ended.

        Raises
        ------
        RuntimeError
            It failed, with the traceback; or it took too long or too much, or nobody wants it, and the worker is new.
        """
        if not self._process.is_alive():
            self._replace()
        try:
            _send(self._pipe, {"envelope": envelope}, blob)
            self._await(wanted)
            message, result = _receive(self._pipe)
            if not isinstance(message.get("error"), str):
                return result
            reason = message["error"]
        except (EOFError, OSError, ValueError):
            self._process.join(5)
            reason = f"The request ended the process that ran it (exit code {self._process.exitcode})."
            self._replace()
        except _EndedError as error:
            reason = str(error)
            self._replace()
        raise RuntimeError(reason)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _replace(self) -> None:
        self.stop()
        self.start()

    def _await(self, wanted: Callable[[], bool]) -> None:
        """Wait for an answer, or for a reason not to."""
        until = time.monotonic() + self._limits.seconds
        while not wait([self._pipe, self._process.sentinel], LOOK):
            if not wanted():
                raise _EndedError("The job was cancelled.")
            if time.monotonic() > until:
                raise _EndedError(f"The job ran for more than {self._limits.seconds:g} s, and was ended.")
            if self._size() - self._held > self._limits.memory:
                raise _EndedError(
                    f"The job took more than {self._limits.memory / 1e9:.1f} GB of memory, and was ended."
                )

    def _size(self) -> int:
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:  # it died: its pipe says so
            return 0


class _EndedError(Exception):
    """Why a job was ended from outside."""


def _send(pipe: Connection, head: dict[str, Any], body: bytes = b"") -> None:
    pipe.send_bytes(json.dumps(head).encode())
    pipe.send_bytes(body)


def _receive(pipe: Connection) -> tuple[dict[str, Any], bytes]:
    head = json.loads(pipe.recv_bytes())
    return (head if isinstance(head, dict) else {}), pipe.recv_bytes()


def _main(pipe: Connection, opening: ModelOrder) -> None:
    """In the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        from steerstack.trace.open import open_model
        from steerstack.trace.remote.runner import Runner

        model = open_model(opening.source, revision=opening.revision, dtype=opening.dtype, device=opening.device)
        runner = Runner(model, opening.source)
    except SteerstackError as error:
        _send(pipe, {"error": type(error).__name__, "happened": error.happened, "seen": error.seen, "fix": error.fix})
        return
    if opening.ready:
        opening.ready()
    gc.collect()
    gc.freeze()  # the model and the libraries stay: what is looked through after each job is what that made
    _send(pipe, {"names": sorted(runner.names), "revision": model.revision or "main"})
    while True:
        try:
            head, blob = _receive(pipe)
        except (EOFError, OSError):
            return
        try:
            result = runner.run(head["envelope"], blob)
        except Exception as error:
            _send(pipe, {"error": str(error) or type(error).__name__})
        else:
            _send(pipe, {}, result)
            del result
        gc.collect()  # a traced block leaves itself in circles, which else pile up until Python happens to look


def _end_with_parent() -> None:
    """A server that is killed takes its worker along, whatever that is doing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
