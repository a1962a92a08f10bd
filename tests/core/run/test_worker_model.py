"""GPUs of workers: how those that a process sees are divided, and which models they suffice for."""

import os

import pytest
import torch

from steerstack.errors import StudyError
from steerstack.run import worker_model
from steerstack.run.start_crew import crew_for
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model


@pytest.mark.parametrize(
    ("visible", "number", "shares"),
    [
        ("4,5,6,7", 1, ["4", "5", "6", "7"]),
        ("4,5,6,7", 2, ["4,5", "6,7", "4,5", "6,7"]),
        ("4,5,6", 2, ["4,5", "4,5", "4,5", "4,5"]),
        ("2,3", 2, ["2,3", "2,3", "2,3", "2,3"]),  # an engine has chosen
    ],
)
def test_each_worker_has_gpus_of_its_own(llama, monkeypatch, visible, number, shares):
    how = worker_model.opening(llama, "tiny", revision=None, dtype=None, device=None, gpus=number)
    for place, share in enumerate(shares):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        worker_model.choose_gpus(how, place)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == share


def test_a_model_on_more_devices_than_a_worker_has_is_refused():
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    assert model.fingerprint  # while all weights are here
    model.module.model.layers[1].to("meta")
    with pytest.raises(StudyError, match="spread over 2 devices, and each worker has 1"):
        worker_model.opening(model, "tiny", revision=None, dtype=None, device=None)
    assert worker_model.opening(model, "tiny", revision=None, dtype=None, device="auto", gpus=2).gpus == 2


def test_processes_have_as_many_as_this_machine(llama):
    number = torch.cuda.device_count() + 1
    with (
        pytest.raises(StudyError, match=f"no room for 1 worker with {number} GPU"),
        crew_for(llama, "processes", 1, source="tiny", gpus=number),
    ):
        pass


def test_this_process_divides_no_gpus(llama):
    with (
        pytest.raises(StudyError, match="this process alone") as caught,
        crew_for(llama, "local", None, source="tiny", gpus=1),
    ):
        pass
    assert caught.value.seen == "--engine local --gpus-per-worker 1"
