"""What every engine has to show: the same frame as the local one, whatever dies on the way."""

import json
import os
import signal

from tests.core.workers.planted import Where

from steerstack import catalog
from steerstack.study.efficiency import Efficiency, run_efficiency
from steerstack.study.techniques import technique
from steerstack.trace.open import open_model
from steerstack.workers.crew import Crew
from steerstack.workers.opening import opening

STUDY = Efficiency("kindness", sizes=(4, 8), seeds=2)
STEPS = 9
"""Of the study's ledger: eight fits, and the unsteered model."""


def crew_of(engine, folder, workers=2):
    model = open_model(folder)
    how = opening(model, str(folder), revision=None, dtype=None, device=None)
    return model, Crew(engine, how, workers)


def study(model, table, folder, **options):
    techniques = [technique("mean-difference", layers=(1, 2)), technique("lora-sft", {"epochs": 1})]
    data = catalog.load_data(table, behavior="kindness")
    return run_efficiency(STUDY, model, data, techniques, folder=folder, **options)


def entries(folder):
    path = folder / "ledger.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def lines(folder):
    path = folder / "ledger.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def pids(model, crew):
    """Process ids of a crew's two workers: each is given one of two steps, since both are free."""
    return [done.value for done in crew.do(model, [Where(f"where-{place}") for place in range(2)])]


def killing(pid, ready):
    """For ``advance``: kill a process at the first progress at which ``ready()`` holds; and the list of those killed."""
    killed = []

    def advance(_what, _done):
        if not killed and ready():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    return advance, killed
