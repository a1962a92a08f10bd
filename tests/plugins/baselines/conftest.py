"""A model that answers Yes or No to any question, half of the time each."""

import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from steerstack.data.questions import ask
from steerstack.testing import planted_data, planted_model
from steerstack.testing.planted import planted_direction
from steerstack.trace.model import Model, wrap
from steerstack.trace.trainable import clone


@cache
def undecided_model() -> Model:
    """The planted model with rows of its output matrix such that Yes and No are about equally likely."""
    model = planted_model()
    module = clone(model)
    prompts = [list(question.exhibits.ids[:-1]) for question in ask(model.format, planted_data(4), "yes-no")]
    ids = model.tokenizer.convert_tokens_to_ids(["Yes", "No"])
    with torch.no_grad():
        ends = torch.stack([module.model(torch.tensor([ids])).last_hidden_state[0, -1] for ids in prompts]).mean(0)
        shared, own = 12 * ends / ends.square().sum(), planted_direction("resid_post", 0, model.d_model)
        own = 2 * (own - (own @ ends) * ends / ends.square().sum())
        module.get_output_embeddings().weight[ids] = torch.stack([shared + own, shared - own])
    return wrap(module, model.tokenizer, name="undecided", revision=None)


@cache
def adapter_folder(name: str = "my adapter") -> Path:
    """A LoRA adapter of the planted model with random weights, as peft saves it."""
    folder = Path(tempfile.mkdtemp()) / name
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM")
    wrapped = get_peft_model(clone(planted_model()), config)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for key, weight in wrapped.named_parameters():
            if "lora_" in key:
                weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    wrapped.save_pretrained(str(folder))
    return folder


@pytest.fixture
def undecided() -> Model:
    return undecided_model()
