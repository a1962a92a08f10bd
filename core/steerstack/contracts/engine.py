"""Engines: where the steps of a study run, in processes that each open the model themselves."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor


class Engine(Method):
    """Starts worker processes, here or elsewhere.

    A worker is a :class:`concurrent.futures.Executor` of one process, which does one thing at a
    time. What is handed to it is picklable, and what comes back is JSON. Who uses the workers
    decides what runs next, starts another worker for one that died, and keeps the results.

    Attributes
    ----------
    elsewhere:
        Whether its workers may be on other machines: then ``address`` says where.
    address:
        Where the workers are; None for the engine's own choice. Typed as ``name://address``.
    """

    elsewhere: ClassVar[bool] = False

    address: str | None = None

    @abstractmethod
    def room(self, gpus: int) -> int:
        """How many workers there is room for, each with so many GPUs of its own, or for 0 with a core of its own.

        0 where none has as many GPUs as that.
        """

    @abstractmethod
    def worker(self, place: int, prepare: Callable[[int], None], threads: int, gpus: int) -> Executor:
        """Start a worker.

        The futures of a worker whose process has died raise
        :class:`concurrent.futures.BrokenExecutor`. ``shutdown(cancel_futures=True)`` ends the
        process at once, whatever it is doing.

        Parameters
        ----------
        place:
            Which of the workers it is, from 0; its successor has the same.
        prepare:
            Called with ``place`` in the new process before anything else.
        threads:
            Threads that it will use.
        gpus:
            How many GPUs it needs for itself.
        """

    def close(self) -> None:
        """Let go of what the engine itself holds, after the last worker was shut down."""
