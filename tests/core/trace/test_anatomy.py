"""A pass from midway meets every kind of block."""

import pytest

from steerstack.steering.site import Site
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.anatomy import entry_with_every_kind
from steerstack.trace.open import open_model


def entry(model, few):
    return entry_with_every_kind([model.module_at(Site("resid_post", layer)) for layer in range(model.n_layers)], few)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "mistral"])
def test_blocks_that_are_alike_leave_the_last_few(tiny, architecture):
    model = tiny(architecture)
    assert [entry(model, few) for few in (1, 2, 9)] == [model.n_layers - 1, model.n_layers - 2, 0]


@pytest.mark.parametrize("layer", [0, 2])
def test_a_block_of_another_kind_is_met(layer):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    model.module_at(Site("resid_post", layer)).self_attn.sliding_window = 8
    assert entry(model, 1) == layer
