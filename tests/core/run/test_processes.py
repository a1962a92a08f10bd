"""Worker processes: the same frames as here, replaced when they die, gone when the study ends."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from tests.core.run.planted import Deadly, Endless, Failing
from tests.core.run.spreading import STEPS, Stop, crew_of, entries, killing, lines, performed, pids, stopping, study
from tests.support.wait import until

from steerstack.catalog.data import load_data
from steerstack.data.items import SystemPrompts
from steerstack.errors import ExtractionError, StudyError
from steerstack.run.crew import Crew
from steerstack.run.ledger import Ledger
from steerstack.run.processes import Processes
from steerstack.run.progress import Advance, Phase
from steerstack.study.stack.study import Stack
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.extraction.mean_difference import MeanDifference

pytestmark = pytest.mark.xdist_group("workers")


@pytest.fixture(scope="module")
def pool(tiny_folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERSTACK_ACTIVATIONS_GB", "0")
        patch.setenv("STEERSTACK_BATCH_TOKENS", "2048")
        model, crew = crew_of(Processes(), tiny_folder)
    with crew:
        yield model, crew


@pytest.fixture(scope="module")
def alone():
    """The frame of the local engine, made once."""
    return {}


@pytest.fixture
def frame(pool, alone, table, tmp_path):
    if not alone:
        alone["frame"] = study(pool[0], table, tmp_path / "alone")
    return alone["frame"]


def test_two_workers_give_the_frame_of_the_local_engine(pool, frame, table, tmp_path):
    model, crew = pool
    heard = []
    assert study(model, table, tmp_path, crew=crew, tell=heard.append) == frame
    assert sum(one.more for one in heard if isinstance(one, Advance)) == STEPS - 1
    assert [one.name for one in heard if isinstance(one, Phase)] == ["mean-difference", "lora-sft"]


def test_a_killed_worker_is_replaced_and_the_frame_is_the_same(pool, frame, table, tmp_path):
    model, crew = pool
    before = crew.replaced
    first, _ = pids(model, crew)
    tell, killed = killing(first, lambda: lines(tmp_path) > 2)
    spread = study(model, table, tmp_path, crew=crew, tell=tell)
    assert killed
    assert crew.replaced == before + 1
    assert spread == frame
    keys = [entry["key"] for entry in entries(tmp_path)]
    assert len(keys) == len(set(keys)) == STEPS


@pytest.mark.parametrize("begun_by_workers", [True, False])
def test_a_study_goes_on_under_another_engine(pool, frame, table, tmp_path, begun_by_workers):
    model, crew = pool
    engines = (crew, None) if begun_by_workers else (None, crew)
    with pytest.raises(Stop):
        study(model, table, tmp_path, crew=engines[0], tell=stopping(lambda: lines(tmp_path) >= 4))
    assert 4 <= lines(tmp_path) < STEPS
    assert study(model, table, tmp_path, crew=engines[1]) == frame
    assert lines(tmp_path) == STEPS


def test_fine_tunes_are_trained_and_measured_by_workers(pool, table, tmp_path):
    model, crew = pool
    data = replace(load_data(table), prompts=SystemPrompts(("be kind",), ("be cold",)))
    declared = Stack(
        data="kindness", method=MeanDifference(), finetunes=(LoraSFT(epochs=1),), few_shot=None, layers=(1,),
        shares=(0.1, 0.3), nulls=1,
    )  # fmt: skip
    results = [
        performed(declared, model, data, tmp_path / name, crew=workers)
        for name, workers in (("here", None), ("spread", crew))
    ]
    assert results[0].rows() == results[1].rows()
    assert results[0].costs == results[1].costs
    for cell, values in results[0].grid.items():
        assert np.array_equal(values.log_odds, results[1].grid[cell].log_odds)
    assert {entry["key"] for entry in entries(tmp_path / "here")} == {e["key"] for e in entries(tmp_path / "spread")}


def test_one_death_is_mended_and_a_second_is_an_error_that_loses_nothing(pool, tmp_path):
    model, crew = pool
    ledger = Ledger(tmp_path, crew)
    assert ledger.steps([Deadly(number, tmp_path, int(number == 1)) for number in range(4)], model) == [0, 1, 2, 3]
    twice = [Deadly(4, tmp_path, 2), *(Deadly(number, tmp_path, 0) for number in range(5, 9))]
    with pytest.raises(StudyError, match="'step 4' died, and so did its successor"):
        ledger.steps(twice, model)
    assert {f"step {number}" for number in range(4)} < {entry["what"] for entry in entries(tmp_path)}
    assert ledger.steps(twice, model) == [4, 5, 6, 7, 8]  # the third time it lives


def test_a_worker_that_died_idle_is_replaced(pool, tmp_path):
    model, crew = pool
    first, second = pids(model, crew)
    os.kill(first, signal.SIGKILL)
    until(lambda: any(worker._broken for worker in crew._workers.values()), "the pool to hear of it")
    after = pids(model, crew)
    assert second in after
    assert first not in after


def test_an_error_of_a_step_comes_back_as_it_was_raised(pool, tmp_path):
    model, crew = pool
    with pytest.raises(ExtractionError, match="No pairs") as raised:
        Ledger(tmp_path, crew).steps([Failing()], model)
    assert "do:   Give some." in str(raised.value)


def test_workers_with_other_weights_refuse(pool, tmp_path):
    model, crew = pool
    with Crew(Processes(), replace(crew.how, fingerprint="0" * 64), 1) as other:
        other.learn(model, tmp_path / "none")
        with pytest.raises(StudyError, match="other weights"):
            Ledger(tmp_path, other).steps([Failing()], model)


def test_whoever_stops_listening_ends_the_workers_that_are_busy(pool, tmp_path):
    model, crew = pool
    steps, path = [Endless(f"endless-{number}", tmp_path) for number in range(2)], tmp_path / "endless-0.pid"

    def interrupt(step):
        if step is steps[1]:
            until(lambda: path.exists() and path.read_text(), "the first step")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(crew.do(model, steps, started=interrupt))
    pid = int(path.read_text())
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the busy worker")
