"""Hand steps to workers as they become free; replace one that dies, and run its step once more."""

from __future__ import annotations

import pickle
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import cloudpickle

from steerstack.errors import StudyError, first_line
from steerstack.run.worker_model import Opening, model_of, prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from steerstack.contracts import Engine
    from steerstack.run.step import Step
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Done:
    """What came of a step: its place in the list, its JSON value, and the seconds it took."""

    index: int
    value: Any
    seconds: float


def carry_out(how: Opening, weights: Path | None, fingerprint: str, packed: bytes) -> tuple[Any, float]:
    """In a worker: do one step; its value, and the seconds it took without the opening of the model.

    Raises
    ------
    StudyError
        The step is of a package that is not installed there.
    """
    try:
        step: Step = pickle.loads(packed)  # here, so that what fails in it is an error and not a death
    except (ImportError, AttributeError) as error:
        raise StudyError(
            "A worker does not know what it is to do.",
            seen=str(error),
            fix="Install the same versions of steerstack and its plugins wherever there are workers.",
        ) from error
    model = model_of(how, weights, fingerprint)
    began = time.monotonic()
    return step.run(model, lambda _: None), time.monotonic() - began


@dataclass
class Crew:
    """Workers of one engine that know one model.

    Attributes
    ----------
    engine, how, size:
        Who starts them, what they open, and how many there are.
    replaced:
        How many workers died and were replaced.
    """

    engine: Engine
    how: Opening
    size: int
    replaced: int = 0
    _workers: dict[int, Executor] = field(default_factory=dict)
    _weights: dict[str, Path | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._weights[self.how.fingerprint] = None

    def knows(self, model: Model) -> bool:
        """Whether the workers can open a model."""
        return model.fingerprint in self._weights

    def learn(self, model: Model, weights: Path) -> None:
        """Tell where the changed weights of a fine-tune lie; every worker must see that file."""
        self._weights[model.fingerprint] = weights.absolute()

    def do(
        self, model: Model, steps: Sequence[Step], *, started: Callable[[Step], None] = lambda _: None
    ) -> Iterator[Done]:
        """Do steps on one model, in any order; each result is given as soon as it is there.

        After a failure no further step is begun; those that run are finished and given, then it
        is raised. Whoever stops listening early ends the workers that are busy.

        Raises
        ------
        StudyError
            The workers of one step died twice.
        """
        todo, again = deque(range(len(steps))), set[int]()
        running: dict[Future[tuple[Any, float]], tuple[int, int]] = {}
        failure: Exception | None = None
        for place in range(self.size if steps else 0):
            self._worker(place)  # all at once: it takes seconds to open a model
        try:
            while todo or running:
                busy = {place for place, _ in running.values()}
                for place in [place for place in range(self.size) if place not in busy][: len(todo)]:
                    index = todo.popleft()
                    if index not in again:
                        started(steps[index])
                    running[self._submit(place, model.fingerprint, steps[index])] = place, index
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    place, index = running.pop(future)
                    try:
                        result = Done(index, *future.result())
                    except BrokenExecutor as error:
                        self._dismiss(place)
                        self.replaced += 1
                        if index not in again and failure is None:
                            again.add(index)
                            todo.appendleft(index)
                        else:
                            failure = failure or _died_twice(steps[index], error)
                    except Exception as error:  # whatever a method raises, others are finished first
                        failure = failure or error
                    else:
                        yield result
                    if failure is not None:
                        todo.clear()
            if failure is not None:
                raise failure
        finally:
            for place, _ in running.values():
                self._dismiss(place)

    def _submit(self, place: int, fingerprint: str, step: Step) -> Future[tuple[Any, float]]:
        packed = cloudpickle.dumps(step)  # also what was defined in a notebook
        work = partial(carry_out, self.how, self._weights[fingerprint], fingerprint, packed)
        try:
            return self._worker(place).submit(work)
        except BrokenExecutor:  # it died while it had nothing to do
            self._dismiss(place)
            self.replaced += 1
            return self._worker(place).submit(work)

    def _worker(self, place: int) -> Executor:
        if place not in self._workers:
            ready = partial(prepare, self.how)
            self._workers[place] = self.engine.worker(place, ready, self.how.threads, self.how.gpus)
        return self._workers[place]

    def _dismiss(self, place: int) -> None:
        worker = self._workers.pop(place, None)
        if worker is not None:
            worker.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:  # nothing is running: they may leave by themselves
                for worker in self._workers.values():
                    worker.shutdown(wait=True)
                self._workers.clear()
        finally:
            for place in list(self._workers):
                self._dismiss(place)
            self.engine.close()


def _died_twice(step: Step, error: BrokenExecutor) -> StudyError:
    failure = StudyError(
        f"The worker that did {step.what!r} died, and so did its successor.",
        seen=first_line(error),
        fix="If memory ran out, use fewer --workers. What was finished is kept: the same command goes on from there.",
    )
    failure.__cause__ = error
    return failure
