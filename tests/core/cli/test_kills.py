"""A study killed at random points, again and again, gives exactly the frame of one that was left alone."""

import json
import os
import random
import signal
from contextlib import closing
from pathlib import Path

import pandas as pd
import yaml
from tests.core.cli.interrupts import ENVIRONMENT
from tests.support.forking import Forks

from steerstack.cli.outputs import Outputs, perform
from steerstack.study.study_file import load_study

KILLED = Path(__file__).with_name("killed.py")
STEPS = 38
"""Of the study: 36 fits, the unsteered model, and how readily each item is mislabelled. Ten kills, each after at most four
steps, fall within it.
"""


def moments(chance):
    """Ten: so many ledger lines and then so many forward passes, or half a line; and a signal."""
    yield 2, "half", signal.SIGKILL
    for _ in range(9):
        yield chance.randint(1, 3), chance.randint(0, 8), chance.choice([signal.SIGKILL, signal.SIGINT])


def test_ten_kills_change_nothing(tmp_path, tiny_folder, table, monkeypatch):
    file = tmp_path / "study.yaml"
    declared = {
        "study": "efficiency", "model": str(tiny_folder), "data": str(table), "behavior": "kindness",
        "techniques": ["mean-difference", "pca"], "layers": [1, 2], "sizes": [2, 4, 8], "seeds": 3, "noise": [0.0, 0.25], "nulls": False,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(declared))
    environment = {**os.environ, **ENVIRONMENT, "STEERSTACK_HOME": str(tmp_path / "killed")}
    with closing(Forks(KILLED, env=environment)) as forks:
        for place, (lines, passes, number) in enumerate(moments(random.Random(0))):
            running = forks.start(lines, passes, number, "run", str(file), "--no-record", log=tmp_path / f"log-{place}")
            code = running.wait()
            assert code == (130 if number == signal.SIGINT else -number), running.log.read_text()
    frames = []
    for name in ("calm", "killed"):
        monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path / name))
        perform(load_study(file), Outputs(record=False, json=str(tmp_path / f"{name}.json")))
        result = json.loads((tmp_path / f"{name}.json").read_text())
        frames.append((pd.read_parquet(result["frame"]), result["curves"]))
    pd.testing.assert_frame_equal(frames[0][0], frames[1][0])
    assert frames[0][1] == frames[1][1]
    (ledger,) = (tmp_path / "killed").rglob("ledger.jsonl")
    steps = [json.loads(line)["key"] for line in ledger.read_text().splitlines()]
    assert len(steps) == len(set(steps)) == STEPS
