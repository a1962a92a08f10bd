"""What every engine has to show: the same frame as the local one, whatever dies on the way."""

import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from tests.core.workers.planted import Slow

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


def pids(model, crew, scratch):
    """Process ids of a crew's two workers."""
    scratch.mkdir(exist_ok=True)
    return [done.value for done in crew.do(model, [Slow(f"slow-{place}", Path(scratch), 0.3) for place in range(2)])]


@contextmanager
def kill_when(pid, ready):
    """Kill a process as soon as ``ready()`` holds; gives a list that is not empty once that was done."""
    stop, killed = threading.Event(), []

    def work():
        while not stop.is_set():
            if ready():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return
            time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()
