"""The ledger of a study: what is done is written down, and not done again after a kill.

Each step is known by a digest of everything that decides its result (model, data, plan,
code version), so that a step is reused only where it would come out the same.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steerstack import __version__, digest
from steerstack.errors import StudyError
from steerstack.listening import tell


class Ledger:
    """An append-only file of finished steps.

    Parameters
    ----------
    folder:
        The study's folder; it is made if need be.

    Attributes
    ----------
    reused, computed:
        How many steps were taken from the file, and how many were run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reused = self.computed = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "ledger.jsonl"
        self._done: dict[str, Any] = {}
        if self._path.exists():
            self._read()

    def _read(self) -> None:
        text = self._path.read_bytes().decode("utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]  # a kill may leave half a line at the end
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
                self._done[entry["key"]] = entry["value"]
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise StudyError(
                    f"{self._path} is damaged.", seen=line[:80], fix="Remove it to start the study afresh."
                ) from error
        if len(whole) < len(text):
            self._path.write_text(whole, encoding="utf-8")

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
        tell("step-started", what, folder=str(self.folder))
        began = time.monotonic()
        value = compute()
        line = json.dumps({"what": what, "key": name, "value": value}, allow_nan=False) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StudyError(
                f"The step {what!r} could not be written down.",
                seen=str(error),
                fix=f"Free some space and run the same command again: it goes on from {self._path}.",
            ) from error
        self._done[name] = value
        self.computed += 1
        tell("step-finished", what, folder=str(self.folder), seconds=time.monotonic() - began)
        return value
