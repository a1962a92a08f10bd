"""Training leaves nothing behind: no file, no line, no report, no changed setting."""

import logging
import os
import random
import socket
import tempfile
import warnings

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState, GradientState, PartialState

from steerstack.testing import planted_data, planted_model
from steerstack_plugins.baselines.common.isolation import CHATTY, undisturbed
from steerstack_plugins.baselines.dpo import DPO
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.grpo import GRPO
from steerstack_plugins.baselines.lora_sft import LoraSFT


def states():
    return {
        "python": random.getstate(),
        "numpy": [np.random.get_state()[1].tolist(), np.random.get_state()[2]],
        "torch": torch.get_rng_state().tolist(),
        "gradients": torch.is_grad_enabled(),
        "environment": dict(os.environ),
        "levels": [logging.getLogger(name).level for name in CHATTY],
        "handlers": [list(logging.getLogger(name).handlers) for name in CHATTY],
        "filters": list(warnings.filters),
        "accelerate": [dict(of._shared_state) for of in (PartialState, AcceleratorState, GradientState)],
        "deterministic": (torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()),
        "precision": torch.get_float32_matmul_precision(),
    }


@pytest.mark.parametrize(
    "baseline",
    [
        LoraSFT(rank=2, epochs=1),
        FullSFT(epochs=1),
        DPO(rank=2, epochs=1),
        GRPO(rank=2, steps=1, prompts=1, generations=2),
    ],
    ids=lambda baseline: baseline.name,
)
def test_training_leaves_nothing_behind(baseline, tmp_path, monkeypatch, capfd):
    import trl.trainer.base_trainer

    def refuse(*_args, **_kwargs):
        raise AssertionError("something was to be sent")

    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(trl.trainer.base_trainer, "send_telemetry", refuse)
    tokenizer = planted_model().tokenizer
    held = (tokenizer.padding_side, tokenizer.pad_token, tokenizer.chat_template)
    config = planted_model().module.config.to_dict()
    before = states()
    baseline.tune(planted_model(), planted_data(4), planted_data(2, first=4), seed=0)
    after = states()
    assert {name for name in before if before[name] != after[name]} == set()
    assert (tokenizer.padding_side, tokenizer.pad_token, tokenizer.chat_template) == held
    assert planted_model().module.config.to_dict() == config
    assert list(work.iterdir()) == list(temporary.iterdir()) == []
    assert "".join(capfd.readouterr()) == ""


def test_all_is_put_back_after_an_error_too():
    before = states()
    with pytest.raises(ZeroDivisionError), undisturbed(5) as folder:  # noqa: PT012  # what it does before is the point
        os.environ["STEERSTACK_OF_A_TEST"] = "1"
        os.environ.pop("HOME", None)
        torch.rand(1), np.random.rand(), random.random()
        logging.getLogger("trl").setLevel(logging.DEBUG)
        PartialState._shared_state["of_a_test"] = 1
        assert folder.exists()
        _ = 1 / 0
    assert not folder.exists()
    after = states()
    assert {name for name in before if before[name] != after[name]} == set()


def test_it_is_seeded():
    drawn = []
    for _ in range(2):
        with undisturbed(5):
            drawn.append((random.random(), np.random.rand(), float(torch.rand(1))))
    assert drawn[0] == drawn[1]
