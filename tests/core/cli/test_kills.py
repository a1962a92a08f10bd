"""A study killed at random points, again and again, gives exactly the frame of one that was left alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import yaml


def start(file, home, out):
    command = [sys.executable, "-m", "steerstack", "run", file, "--no-record", "--json", out]
    env = {**os.environ, "STEERSTACK_HOME": str(home), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(list(map(str, command)), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def lines(home):
    return sum(len(path.read_bytes().splitlines()) for path in home.rglob("ledger.jsonl"))


def test_ten_kills_change_nothing(tmp_path, tiny_folder, table):
    file = tmp_path / "study.yaml"
    declared = {
        "study": "efficiency", "model": str(tiny_folder), "data": str(table), "behavior": "kindness",
        "techniques": ["mean-difference", "pca"], "layers": [1, 2], "sizes": [2, 4, 8], "seeds": 15, "noise": [0.0, 0.25], "nulls": False,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(declared))
    assert start(file, tmp_path / "calm", tmp_path / "calm.json").wait(300) == 0
    chance = random.Random(0)
    kills = 0
    while kills < 10:
        running = start(file, tmp_path / "killed", tmp_path / "killed.json")
        before = lines(tmp_path / "killed")
        wanted = before + chance.randint(1, 8)  # after so many more steps, at a moment of chance
        while lines(tmp_path / "killed") < wanted and running.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.03)
        if running.poll() is not None:
            break  # it was finished first
        running.send_signal(chance.choice([signal.SIGKILL, signal.SIGINT]))
        running.wait(60)
        kills += 1
    assert kills == 10
    assert start(file, tmp_path / "killed", tmp_path / "killed.json").wait(300) == 0
    results = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("calm", "killed")]
    frames = [pd.read_parquet(result["frame"]) for result in results]
    pd.testing.assert_frame_equal(*frames)
    assert results[0]["curves"] == results[1]["curves"]
    (ledger,) = (tmp_path / "killed").rglob("ledger.jsonl")
    steps = [json.loads(line)["key"] for line in ledger.read_text().splitlines()]
    assert len(steps) == len(set(steps)) == 181
