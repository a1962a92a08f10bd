"""What every engine has to show: the same frame as the local one, whatever dies on the way."""

import json
import os
import signal

from tests.core.run.planted import Where

from steerstack.catalog.data import load_data
from steerstack.run.crew import Crew
from steerstack.run.ledger import Ledger
from steerstack.run.progress import Advance, Progress
from steerstack.run.worker_model import opening
from steerstack.study.efficiency.study import Efficiency
from steerstack.study.session import Session
from steerstack.trace.open import open_model

STUDY = Efficiency(
    data="kindness", techniques=("mean-difference", {"name": "lora-sft", "epochs": 1}), layers=(1, 2), sizes=(4, 8),
    seeds=2, nulls=False,
)  # fmt: skip
STEPS = 9
"""Of the study's ledger: eight fits, and the unsteered model."""


def crew_of(engine, folder, workers=2, gpus=None):
    model = open_model(folder)
    how = opening(model, str(folder), revision=None, dtype=None, device=None, gpus=gpus)
    return model, Crew(engine, how, workers)


def performed(declared, model, data, folder, *, crew=None, tell=None):
    """A study by a crew that the test keeps."""
    return declared.perform(Session(declared, model, data, Ledger(folder, crew), Progress(tell)))


def study(model, table, folder, **options):
    """The rows of :data:`STUDY`."""
    return performed(STUDY, model, load_data(table, behavior="kindness"), folder, **options).rows()


def entries(folder):
    path = folder / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def lines(folder):
    path = folder / "ledger.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def pids(model, crew):
    """Process ids of a crew's two workers: each is given one of two steps, since both are free."""
    return [reply.value for reply in crew.do(model, [Where(f"where-{place}") for place in range(2)])]


def killing(pid, ready):
    """A listener that kills a process at the first progress at which ``ready()`` holds; and the list of those killed."""
    killed = []

    def tell(event):
        if isinstance(event, Advance) and not killed and ready():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    return tell, killed


class Stop(Exception):
    """Raised by a listener of :func:`stopping`."""


def stopping(ready):
    """A listener that stops a study at the first progress at which ``ready()`` holds."""

    def tell(event):
        if isinstance(event, Advance) and ready():
            raise Stop

    return tell
