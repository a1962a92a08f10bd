"""Which baselines can be stacked on, those that train weights; and what is kept of one."""

import pytest
import torch
from pydantic import Field
from safetensors.torch import load_file

from steerstack.contracts import Baseline, Tuned
from steerstack.data.items import DataSet
from steerstack.data.splits import split
from steerstack.errors import ModelError, StudyError
from steerstack.techniques.fine_tunes import check_trains, tuned_model, weights_of
from steerstack.trace.model import wrap
from steerstack.trace.trainable import clone
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.baselines.rank1_reft import Rank1Reft
from steerstack_plugins.baselines.system_prompt import SystemPrompt


def test_what_trains_no_weights_is_not_stacked_as_a_fine_tune():
    check_trains([LoraSFT(), FullSFT()])
    for baseline in (FewShot(), SystemPrompt(), Rank1Reft()):
        with pytest.raises(StudyError, match=f"{baseline.name} trains no weights"):
            check_trains([LoraSFT(), baseline])


class OneMore(Baseline):
    """Every weight becomes one more."""

    name = "one-more"
    trains = True

    def tune(self, model, train, validation, *, seed):
        module = clone(model)
        with torch.no_grad():
            for weight in module.parameters():
                weight.add_(1)
        return Tuned(wrap(module, model.tokenizer, name="changed", revision=None), 1, 0.0, {})


class Same(Baseline):
    """A fine-tune that leaves every weight as it was, and says so or not."""

    name = "same"
    trains = True
    record: dict[str, int] = Field(default_factory=dict)

    def tune(self, model, train, validation, *, seed):
        return Tuned(wrap(clone(model), model.tokenizer, name="changed", revision=None), 1, 0.0, self.record)


def test_a_fine_tune_that_is_the_model_is_an_error_unless_it_kept_the_untrained_model(tiny, tmp_path):
    model = tiny("llama")
    splits = split(DataSet.from_pairs([(f"Q{i}?", f"yes {i}", f"no {i}") for i in range(12)], behavior="x"))
    for record in ({}, {"epoch_chosen": 2}):
        with pytest.raises(ModelError, match="The fine-tune same changes no weight"):
            tuned_model(Same(record=record), model, splits, tmp_path, 0)
    assert tuned_model(Same(record={"epoch_chosen": 0}), model, splits, tmp_path, 0).record["unchanged"] is True


def test_tied_weights_are_kept_once_and_come_back(tiny, tmp_path):
    model = tiny("gpt2")
    tied = {"lm_head.weight", "transformer.wte.weight"}
    assert tied <= set(model.module.state_dict())
    splits = split(DataSet.from_pairs([(f"Q{i}?", f"yes {i}", f"no {i}") for i in range(12)], behavior="x"))
    original, again = (tuned_model(OneMore(), model, splits, tmp_path, 0).model for _ in range(2))
    assert again.fingerprint == original.fingerprint != model.fingerprint
    assert len(tied & set(load_file(weights_of(OneMore(), model, splits, tmp_path, 0)))) == 1
