"""Ray on loopback: two workers give the frame of the local engine, also when one is killed."""

import os
from dataclasses import dataclass

import pytest
from tests.core.run.planted import Deadly, Failing
from tests.core.run.spreading import STEPS, Stop, crew_of, entries, killing, lines, pids, stopping, study

from steerstack.errors import ExtractionError, StudyError
from steerstack.run.ledger import Ledger
from steerstack.run.start_crew import crew_for
from steerstack.run.step import Step
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
        model, crew = crew_of(RayEngine(), tiny_folder, gpus=1)
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


def test_there_is_room_for_one_worker_a_core_or_for_each_group_of_gpus(pool):
    assert [RayEngine().room(gpus) for gpus in (0, 1, 2, 3)] == [4, 2, 1, 0]


@dataclass(frozen=True)
class Visible(Step):
    """Gives the GPUs that its worker sees."""

    what: str

    def key(self, model):
        return self.what

    def run(self, model, progress):
        return os.environ["CUDA_VISIBLE_DEVICES"]


def test_the_workers_of_a_study_have_a_gpu_each(pool):
    model, crew = pool
    replies = crew.do(model, [Visible(f"visible-{place}") for place in range(2)])
    assert sorted(reply.value for reply in replies) == ["0", "1"]


@pytest.mark.parametrize(("gpus", "workers", "room"), [(3, None, "0 workers"), (2, 2, "1 worker")])
def test_more_gpus_than_the_cluster_has_are_an_error(pool, tiny_folder, gpus, workers, room):
    model, _ = pool
    with (
        pytest.raises(StudyError, match=f"no room for .* with {gpus} GPUs each") as caught,
        crew_for(model, "ray", workers, source=str(tiny_folder), gpus=gpus),
    ):
        pass
    assert caught.value.seen == f"room for {room}"
