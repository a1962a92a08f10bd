"""Studies by ``--engine`` on the command line: what it refuses, and what is left when it is stopped."""

import json
import signal
import sys

import pandas as pd
import psutil
import pytest
import yaml
from tests.core.cli.interrupts import MESSAGE, rain, started
from tests.support.wait import PATIENCE, until

from steerstack.cli.outputs import Outputs, perform
from steerstack.errors import SteerstackError
from steerstack.run.start_crew import crew_for
from steerstack.study.frontier.study import Frontier
from steerstack.study.study_file import load_study

pytestmark = pytest.mark.xdist_group("workers")


@pytest.fixture
def declared(tmp_path, tiny_folder, table):
    file = tmp_path / "study.yaml"
    value = {
        "study": "efficiency", "model": str(tiny_folder), "data": str(table), "behavior": "kindness",
        "techniques": ["mean-difference", "pca"], "layers": [1, 2], "sizes": [2, 4, 8], "seeds": 2,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(value))
    return file


def start(file, home, *options):
    command = [sys.executable, "-m", "steerstack", "run", file, "--no-record", *options]
    return started(command, env={"STEERSTACK_HOME": str(home)})


def steps(home):
    return sum(path.read_bytes().count(b"\n") for path in home.rglob("ledger.jsonl"))


def children(driver):
    return psutil.Process(driver.pid).children(recursive=True)


def gone(workers):
    return psutil.wait_procs(workers, timeout=PATIENCE)[1] == []


def stopped(code, said):
    assert code == 130, said
    assert said.count(MESSAGE) == 1
    assert "Traceback" not in said
    assert "leaked" not in said


def test_ctrl_c_while_workers_begin_is_heard_by_their_driver_alone(tmp_path, declared):
    driver = start(declared, tmp_path / "home", "--engine", "processes", "--workers", "2")
    until(lambda: driver.poll() is not None or len(children(driver)) >= 2, "the first worker")
    workers = children(driver)
    stopped(*rain(driver))  # to all of them, as a terminal sends it
    assert gone(workers)


def test_a_stopped_study_of_workers_leaves_none_and_goes_on_here(tmp_path, declared, monkeypatch):
    home = tmp_path / "home"
    for stop in (signal.SIGINT, signal.SIGKILL):  # Ctrl-C, then a kill that nobody hears of
        driver = start(declared, home, "--engine", "processes", "--workers", "2")
        wanted = steps(home) + 4
        until(lambda: steps(home) >= wanted or driver.poll() is not None, "four steps")  # noqa: B023
        workers = children(driver)
        assert len(workers) >= 2
        if stop == signal.SIGINT:
            stopped(*rain(driver))
        else:
            driver.kill()
            driver.communicate(timeout=PATIENCE)
        assert gone(workers)
    halfway = steps(home)
    frames = []
    for place in ("home", "calm"):
        monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path / place))
        out = tmp_path / f"{place}.json"
        perform(load_study(declared), Outputs(record=False, json=str(out)))
        frames.append(pd.read_parquet(json.loads(out.read_text())["frame"]))
    pd.testing.assert_frame_equal(*frames)
    assert 8 <= halfway < steps(home) == steps(tmp_path / "calm")


def test_a_frontier_is_not_run_here_in_silence(tiny_folder):
    declared = Frontier(model=str(tiny_folder), data="myopia", techniques=("pca",))
    with pytest.raises(SteerstackError, match="A frontier runs in this process only"):
        perform(declared, Outputs(engine="processes", workers=1, record=False))


@pytest.mark.parametrize(
    ("engine", "workers", "expected"),
    [
        ("rey", None, "did you mean 'ray'"),
        ("processes", 1000, "no room for 1000 workers"),
        ("local", 2, "The local engine is this process alone."),
        ("processes://elsewhere", None, "processes has no address"),
    ],
)
def test_what_cannot_be_is_refused(llama, engine, workers, expected):
    with pytest.raises(SteerstackError, match=expected), crew_for(llama, engine, workers, source="tiny"):
        pass
