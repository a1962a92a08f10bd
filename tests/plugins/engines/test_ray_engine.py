"""Ray on loopback: two workers give the frame of the local engine, also when one is killed."""

import os

import pytest
from tests.core.run.planted import Deadly, Failing
from tests.core.run.spreading import STEPS, Stop, crew_of, entries, killing, lines, pids, stopping, study

from steerstack.errors import ExtractionError, StudyError
from steerstack.run.ledger import Ledger
from steerstack_plugins.engines.ray_engine import RayEngine

pytestmark = pytest.mark.xdist_group("workers")


@pytest.fixture(scope="module")
def pool(tiny_folder):
    import ray

    ray.init(
        address="local",
        num_cpus=4,
        num_gpus=2,  # which Ray only counts
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        object_store_memory=80_000_000,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERSTACK_ACTIVATIONS_GB", "0")
        patch.setenv("STEERSTACK_BATCH_TOKENS", "2048")
        model, crew = crew_of(RayEngine(), tiny_folder)
    with crew:
        yield model, crew
    assert ray.is_initialized()  # it was here before the engine
    ray.shutdown()


def test_the_frame_is_the_local_one_also_when_a_worker_is_killed(pool, table, tmp_path):
    model, crew = pool
    local = study(model, table, tmp_path / "local")
    assert study(model, table, tmp_path / "spread", crew=crew) == local
    first, _ = pids(model, crew)
    folder = tmp_path / "killed"
    tell, killed = killing(first, lambda: lines(folder) > 2)
    again = study(model, table, folder, crew=crew, tell=tell)
    assert killed
    assert crew.replaced == 1
    assert again == local
    keys = [entry["key"] for entry in entries(folder)]
    assert len(keys) == len(set(keys)) == STEPS


def test_a_study_of_workers_goes_on_here(pool, table, tmp_path):
    model, crew = pool
    with pytest.raises(Stop):
        study(model, table, tmp_path / "stopped", crew=crew, tell=stopping(lambda: lines(tmp_path / "stopped") >= 4))
    assert 4 <= lines(tmp_path / "stopped") < STEPS
    frames = [study(model, table, tmp_path / name) for name in ("stopped", "whole")]
    assert frames[0] == frames[1]


def test_errors_come_back_and_a_second_death_is_one(pool, tmp_path):
    model, crew = pool
    ledger = Ledger(tmp_path, crew)
    with pytest.raises(ExtractionError, match="No pairs"):
        ledger.steps([Failing()], model)
    with pytest.raises(StudyError, match="'step 0' died, and so did its successor"):
        ledger.steps([Deadly(0, tmp_path, 2), Deadly(1, tmp_path, 0)], model)
    assert [entry["what"] for entry in entries(tmp_path)] == ["step 1"]


def test_there_is_room_for_one_worker_a_core(pool):
    assert RayEngine().room(gpu=False) == 4
    assert RayEngine().room(gpu=True) == 2


def visible():
    return os.environ["CUDA_VISIBLE_DEVICES"]


def test_each_worker_with_a_gpu_has_one_of_its_own(pool):
    engine = RayEngine()
    workers = [engine.worker(place, int, 1, gpu=True) for place in range(2)]
    try:
        assert sorted(worker.submit(visible).result(60) for worker in workers) == ["0", "1"]
    finally:
        for worker in workers:
            worker.shutdown()
