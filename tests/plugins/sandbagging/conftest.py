"""The small world's model and its organisms, each made once; the model is kept in the user's cache."""

from functools import cache

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from steerstack.catalog.lookup import find
from steerstack.trace.model import wrap
from steerstack_plugins.sandbagging.audit.battery import audit_data
from steerstack_plugins.sandbagging.small_world import tokenizer
from steerstack_plugins.sandbagging.small_world.model import open_origin


@pytest.fixture(scope="session")
def origin():
    return open_origin(0)


@pytest.fixture(scope="session")
def made(origin):
    """A function from a name to the organism with its defaults."""
    return cache(lambda name: find("organism", name).make().build(origin, seed=3))


@pytest.fixture(scope="session")
def locked(made):
    return made("locked")


@pytest.fixture(scope="session")
def unlocked(made):
    return made("unlocked")


@pytest.fixture(scope="session")
def asked():
    return audit_data(32)


@pytest.fixture(scope="session")
def blank():
    """A model of the small world's words that has learned nothing; its answers depend on all that it reads."""
    words = tokenizer.tokenizer()
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
        max_position_embeddings=512, initializer_range=0.3, pad_token_id=words.pad_token_id, bos_token_id=None,
        eos_token_id=words.eos_token_id,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return wrap(LlamaForCausalLM(config), words, name="blank", revision=None)
