"""A model that answers Yes or No to any question, half of the time each."""

from functools import cache

import pytest
import torch

from steerstack.asking import ask
from steerstack.testing import planted_data, planted_model
from steerstack.testing.planted import planted_direction
from steerstack.trace.model import Model, clone, wrap


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


@pytest.fixture
def undecided() -> Model:
    return undecided_model()
