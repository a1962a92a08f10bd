"""Work that comes while other work runs is run together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar, final

from steerstack.errors import SteerstackError

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


@final
class JobBatcher(Generic[Job, Outcome]):
    """Runs the jobs of several threads, all that wait at once.

    The thread whose turn it is runs its own job and those of the threads that wait for theirs. Where that fails by one
    of our own errors, each is run by itself, so that only the job at fault fails.

    Parameters
    ----------
    run:
        Runs jobs, and gives the outcome of each.
    """

    def __init__(self, run: Callable[[Sequence[Job]], Sequence[Outcome]]) -> None:
        self._run = run
        self._turn, self._change = threading.Lock(), threading.Lock()
        self._waiting: list[tuple[Job, Callable[[], None], Future[Outcome]]] = []

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return len(self._waiting)

    def __call__(self, job: Job, alive: Callable[[], None]) -> Outcome:
        """The outcome of a job; ``alive`` is called before it is run, and may raise."""
        future: Future[Outcome] = Future()
        with self._change:
            self._waiting.append((job, alive, future))
        with self._turn:
            if not future.done():
                with self._change:
                    entries, self._waiting = self._waiting, []
                self._all(entries)
        return future.result()

    def _all(self, entries: Sequence[tuple[Job, Callable[[], None], Future[Outcome]]]) -> None:
        ready = []
        for job, alive, future in entries:
            try:
                alive()
            except BaseException as error:  # its own thread raises it
                future.set_exception(error)
            else:
                ready.append((job, future))
        try:
            outcomes = self._run([job for job, _ in ready]) if ready else ()
            for (_, future), outcome in zip(ready, outcomes, strict=True):
                future.set_result(outcome)
        except SteerstackError as error:
            if len(ready) == 1:
                ready[0][1].set_exception(error)
            else:
                for job, future in ready:
                    self._all([(job, _nothing, future)])
        except BaseException as error:
            for _, future in ready:
                future.set_exception(error)


def _nothing() -> None:
    """Asked already."""
