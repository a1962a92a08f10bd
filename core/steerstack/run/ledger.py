"""The ledger of a study: what is done is written down, and not done again after a kill.

Each step is known by a digest of everything that decides its result (model, data, plan, and
the sources that compute it), so that a step is reused only where it would come out the same.
"""

import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from steerstack.catalog.listeners import tell
from steerstack.errors import StudyError
from steerstack.run.crew import Crew
from steerstack.run.progress import SILENT, Progress
from steerstack.run.step import Step
from steerstack.trace.model import Model
from steerstack.util import digest
from steerstack.util.code import code_digest
from steerstack.util.ctrl_c import held
from steerstack.util.files import append
from steerstack.util.locks import locked

_LOG = logging.getLogger("steerstack")

LEDGER = "ledger.jsonl"
"""The file's name, in a study's folder."""

LOCK = ".lock"
"""The file beside it that a process holds while it is at work there."""


TOGETHER = 6
"""Steps that are done in one go where they share work: a kill costs at most these."""

Name = TypeVar("Name")


class Ledger:
    """An append-only file of finished steps.

    Parameters
    ----------
    folder:
        The study's folder; it is made if need be.
    crew:
        Workers that do its steps; None to do them here. Only this process writes: see :func:`alone`.

    Raises
    ------
    StudyError
        The folder or the file cannot be made, read or written.

    Attributes
    ----------
    reused, computed:
        How many steps were taken from the file, and how many were run.
    damaged:
        Numbers of the lines that could not be read back; their steps are done again.
    """

    def __init__(self, folder: Path, crew: Crew | None = None) -> None:
        self.folder, self.crew = folder, crew
        self.reused = self.computed = 0
        self.damaged: list[int] = []
        self._path = folder / LEDGER
        self._done: dict[str, Any] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if self._path.exists():
                self._read()
        except OSError as error:
            raise StudyError(
                f"What was finished cannot be kept in {self._path}, or not be read from it.",
                seen=str(error),
                fix="Mend its rights, or choose another folder (STEERSTACK_HOME).",
            ) from error

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):  # a kill may leave half a line at the end
            os.truncate(self._path, whole)
        for number, line in enumerate(content[:whole].splitlines(), 1):
            entry = _entry(line)
            if entry is None:
                self.damaged.append(number)
            else:
                self._done[entry["key"]] = entry["value"]
        if self.damaged:
            lines = ", ".join(map(str, self.damaged))
            _LOG.warning("%s: line %s cannot be read back; those steps are done again.", self._path, lines)

    def has(self, step: Step, key: object) -> bool:
        """Whether a step was written down, with the key that it has on a model."""
        return self._name(step, key) in self._done

    @staticmethod
    def _name(step: Step, key: object) -> str:
        return digest.of_json([code_digest(step.code), step.what, key])

    def once(self, what: str, key: object, compute: Callable[[], Any], *, code: Sequence[str]) -> Any:
        """The value of a step: from the file if it is there, else computed and written down.

        Parameters
        ----------
        what:
            Name of the step, for people.
        key:
            JSON of everything that decides the result, apart from the code.
        compute:
            Returns a JSON value.
        code:
            Modules that compute it; their sources, and those of what they import, are part of the key.

        Raises
        ------
        StudyError
            The value cannot be written down (a full disk), or holds what is no number; nothing earlier is lost.
        """
        return self._once(what, digest.of_json([code_digest(code), what, key]), compute)

    def _once(self, what: str, name: str, compute: Callable[[], Any]) -> Any:
        if name in self._done:
            self.reused += 1
            return self._done[name]
        self._begin(what)
        began = time.monotonic()
        value = compute()
        return self._keep(what, name, value, time.monotonic() - began)

    def steps(
        self, steps: Sequence[Step], model: Model, *, what: str = "steps", progress: Progress = SILENT
    ) -> list[Any]:
        """The values of several steps on one model, done by the crew where there is one that knows the model.

        Parameters
        ----------
        steps:
            Independent of each other.
        what, progress:
            Told how much there is of this work, what an earlier run did of it, and what more is done, in the
            steps' own units; and of each phase that is begun.

        Raises
        ------
        StudyError
            A value cannot be written down, or a step's workers died twice; nothing earlier is lost.
        """
        names = [self._name(step, _key(step, model)) for step in steps]
        todo = {name: step for name, step in zip(names, steps, strict=True) if name not in self._done}
        total = sum(step.size for step in steps)
        progress.expect(what, total, total - sum(step.size for step in todo.values()))
        phases: set[str] = set()

        def begin(step: Step) -> None:
            if step.phase and step.phase not in phases:
                phases.add(step.phase)
                progress.phase(step.phase)
            self._begin(step.what)

        if self.crew is not None and self.crew.knows(model):
            self._by_crew(self.crew, model, todo, progress.counter(what), begin)
        else:
            for part in _parts(todo):
                self._here(part, model, progress.counter(what), begin)
        self.reused += len(names) - len(todo)
        return [self._done[name] for name in names]

    def _here(
        self, part: Mapping[str, Step], model: Model, count: Callable[[int], None], begin: Callable[[Step], None]
    ) -> None:
        """Do steps that share work, and write each down."""
        steps = list(part.values())
        for step in steps:
            begin(step)
        began = time.monotonic()
        values = type(steps[0]).run_together(steps, model, count)
        seconds = (time.monotonic() - began) / len(steps)
        for (name, step), value in zip(part.items(), values, strict=True):
            self._keep(step.what, name, value, seconds)

    def each(
        self, steps: Mapping[Name, Step], model: Model, *, what: str = "steps", progress: Progress = SILENT
    ) -> dict[Name, Any]:
        """The value of every step, by the name that it is given under: see :meth:`steps`."""
        values = self.steps(list(steps.values()), model, what=what, progress=progress)
        return dict(zip(steps, values, strict=True))

    def _by_crew(
        self, crew: Crew, model: Model, todo: Mapping[str, Step], count: Callable[[int], None],
        begin: Callable[[Step], None],
    ) -> None:  # fmt: skip
        entries = list(todo.items())
        for result in crew.do(model, list(todo.values()), started=begin):
            name, step = entries[result.index]
            self._keep(step.what, name, result.value, result.seconds)
            count(step.size)

    def _begin(self, what: str) -> None:
        tell("step-started", what, folder=str(self.folder))

    def _keep(self, what: str, name: str, value: Any, seconds: float) -> Any:
        try:
            line = _line(what, name, value)
        except ValueError as error:
            raise StudyError(
                f"The step {what!r} gave what is no number (NaN or infinity), so it is not kept.",
                seen=str(error),
                fix="Something overflowed: a multiplier that is too large, say, or weights that are not finite.",
            ) from error
        try:
            with held():  # Ctrl-C before it or after it, but not within
                append(self._path, line)
                self._done[name] = value
        except OSError as error:
            raise StudyError(
                f"The step {what!r} could not be written down.",
                seen=str(error),
                fix=f"Free some space and run the same command again: it goes on from {self._path}.",
            ) from error
        self.computed += 1
        tell("step-finished", what, folder=str(self.folder), seconds=seconds)
        return value


def _key(step: Step, model: Model | None) -> Any:
    """What decides a step's value on a model, and how that is asked; a step of no model has its own key."""
    key = step.key(model)  # type: ignore[arg-type]
    return key if model is None else [key, model.format.written]


def _parts(todo: Mapping[str, Step]) -> Iterator[dict[str, Step]]:
    """The steps in their order, those that share work together, at most :data:`TOGETHER` of them."""
    part: dict[str, Step] = {}
    for name, step in todo.items():
        if part and (len(part) == TOGETHER or not step.shares_with(next(iter(part.values())))):
            yield part
            part = {}
        part[name] = step
    if part:
        yield part


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes away from a study's folder for a while.

    Raises
    ------
    StudyError
        Another one is at work there, or the folder cannot be made.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / LOCK, wait=False))
        except BlockingIOError as error:
            raise StudyError(
                f"Another process is at work on the same study, in {folder}.",
                fix="Wait until it is done: the same command then takes its results from there. Or stop it first.",
            ) from error
        except OSError as error:
            raise StudyError(
                f"The study's folder {folder} cannot be written.",
                seen=str(error),
                fix="Mend its rights, or choose another folder (STEERSTACK_HOME).",
            ) from error
        yield


def _line(what: str, name: str, value: Any) -> str:
    text = json.dumps(value, allow_nan=False)
    return json.dumps({"what": what, "key": name, "sum": zlib.crc32(text.encode()), "value": value}) + "\n"


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line holds; None where it is not as it was written."""
    try:
        entry = json.loads(line)
        whole = entry["sum"] == zlib.crc32(json.dumps(entry["value"]).encode())
        return {"key": entry["key"], "value": entry["value"]} if whole and isinstance(entry["key"], str) else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
