"""Steps that do something to the process that does them."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from steerstack.errors import ExtractionError
from steerstack.run.step import Step


@dataclass(frozen=True)
class Deadly(Step):
    """Kills its worker as long as there are fewer than ``deaths`` marks in a folder; then gives its number."""

    number: int
    folder: Path
    deaths: int

    @property
    def what(self):
        return f"step {self.number}"

    def key(self, model):
        return [self.number]

    def run(self, model, progress):
        marks = len(list(self.folder.glob(f"{self.number}-*")))
        if marks < self.deaths:
            (self.folder / f"{self.number}-{marks}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.number


@dataclass(frozen=True)
class Endless(Step):
    """Says where it runs, and goes on for ever."""

    what: str
    folder: Path

    def key(self, model):
        return self.what

    def run(self, model, progress):
        (self.folder / f"{self.what}.pid").write_text(str(os.getpid()))
        while True:
            time.sleep(1)


@dataclass(frozen=True)
class Where(Step):
    """Gives the process that it runs in."""

    what: str

    def key(self, model):
        return self.what

    def run(self, model, progress):
        return os.getpid()


@dataclass(frozen=True)
class Failing(Step):
    """Raises one of our own errors."""

    what: str = "failing"

    def key(self, model):
        return 0

    def run(self, model, progress):
        raise ExtractionError("No pairs.", seen="nothing", fix="Give some.")
