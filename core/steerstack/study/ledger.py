"""The ledger of a study: what is done is written down, and not done again after a kill.

Each step is known by a digest of everything that decides its result (model, data, plan,
code version), so that a step is reused only where it would come out the same.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from steerstack import __version__, digest
from steerstack.errors import StudyError
from steerstack.files import append
from steerstack.holding import held
from steerstack.listening import tell
from steerstack.study.step import Step
from steerstack.trace.model import Model
from steerstack.workers.crew import Crew


class Ledger:
    """An append-only file of finished steps.

    Parameters
    ----------
    folder:
        The study's folder; it is made if need be.
    crew:
        Workers that do its steps; None to do them here. Only this process writes.

    Attributes
    ----------
    reused, computed:
        How many steps were taken from the file, and how many were run.
    """

    def __init__(self, folder: Path, crew: Crew | None = None) -> None:
        self.folder, self.crew = folder, crew
        self.reused = self.computed = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "ledger.jsonl"
        self._done: dict[str, Any] = {}
        if self._path.exists():
            self._read()

    def _read(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]  # a kill may leave half a line at the end
        for line in whole.decode("utf-8", errors="replace").split("\n")[:-1]:
            try:
                entry = json.loads(line)
                self._done[entry["key"]] = entry["value"]
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise StudyError(
                    f"{self._path} is damaged.", seen=line[:80], fix="Remove it to start the study afresh."
                ) from error
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))

    def has(self, what: str, key: object) -> bool:
        """Whether a step was written down."""
        return self._name(what, key) in self._done

    @staticmethod
    def _name(what: str, key: object) -> str:
        return digest.of_json([__version__, what, key])

    def once(self, what: str, key: object, compute: Callable[[], Any]) -> Any:
        """The value of a step: from the file if it is there, else computed and written down.

        Parameters
        ----------
        what:
            Name of the step, for people.
        key:
            JSON of everything that decides the result.
        compute:
            Returns a JSON value.

        Raises
        ------
        StudyError
            The value cannot be written down (a full disk); nothing earlier is lost.
        """
        name = self._name(what, key)
        if name in self._done:
            self.reused += 1
            return self._done[name]
        self._begin(what)
        began = time.monotonic()
        value = compute()
        return self._keep(what, name, value, time.monotonic() - began)

    def steps(
        self,
        steps: Sequence[Step],
        model: Model,
        *,
        earlier: Callable[[int], None] = lambda _: None,
        progress: Callable[[int], None] = lambda _: None,
        started: Callable[[Step], None] = lambda _: None,
    ) -> list[Any]:
        """The values of several steps on one model, done by the crew where there is one that knows the model.

        Parameters
        ----------
        steps:
            Independent of each other.
        earlier:
            Told once how much of them an earlier run did, in the steps' own units.
        progress:
            Told what more is done.
        started:
            Told of each step that is begun.

        Raises
        ------
        StudyError
            A value cannot be written down, or a step's workers died twice; nothing earlier is lost.
        """
        keyed = [(step, step.key(model)) for step in steps]
        todo = [(step, key) for step, key in keyed if not self.has(step.what, key)]
        earlier(sum(step.size for step in steps) - sum(step.size for step, _ in todo))
        if self.crew is not None and self.crew.knows(model):
            self._by_crew(self.crew, model, todo, progress, started)
            self.reused -= len(todo)  # they are read back below

        def here(step: Step) -> Any:
            started(step)
            return step.run(model, progress)

        return [self.once(step.what, key, partial(here, step)) for step, key in keyed]

    def _by_crew(
        self,
        crew: Crew,
        model: Model,
        todo: Sequence[tuple[Step, Any]],
        progress: Callable[[int], None],
        started: Callable[[Step], None],
    ) -> None:
        def begin(step: Step) -> None:
            self._begin(step.what)
            started(step)

        for done in crew.do(model, [step for step, _ in todo], started=begin):
            step, key = todo[done.index]
            self._keep(step.what, self._name(step.what, key), done.value, done.seconds)
            progress(step.size)

    def _begin(self, what: str) -> None:
        tell("step-started", what, folder=str(self.folder))

    def _keep(self, what: str, name: str, value: Any, seconds: float) -> Any:
        line = json.dumps({"what": what, "key": name, "value": value}, allow_nan=False) + "\n"
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
