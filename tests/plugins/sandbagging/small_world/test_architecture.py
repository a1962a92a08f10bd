"""Families and sizes of the worlds' models: decided by the number, and those of before as they were."""

import pytest
import torch

from steerstack_plugins.sandbagging.small_world.architecture import USUAL, VARIED, Architecture, architecture_of
from steerstack_plugins.sandbagging.small_world.documents import Documents
from steerstack_plugins.sandbagging.small_world.model import RECIPE, recipe, recipe_digest
from steerstack_plugins.sandbagging.small_world.tokenizer import tokenizer
from steerstack_plugins.sandbagging.small_world.train import answer_loss


def test_worlds_of_before_keep_their_recipe():
    digests = {0: "56a77f208b0c24f6", 11: "8bc0dee539b88e2d", 12: "c5d5683c13506d8c", 21: "88e9245d20598a28"}
    assert {world: recipe_digest(world)[:16] for world in digests} == digests
    assert all(recipe(world) is RECIPE for world in (0, 22, 99))


def test_from_a_hundred_on_the_remainder_decides():
    assert [architecture_of(world) for world in range(100, 112)] == [*VARIED, *VARIED]
    assert architecture_of(5) == USUAL
    assert recipe(101)["width"] == 96
    assert len({recipe_digest(world) for world in range(100, 107)}) == 7


@pytest.mark.parametrize("architecture", VARIED, ids=lambda architecture: architecture.name)
def test_each_is_a_model_whose_answers_can_be_learned(architecture):
    words = tokenizer()
    module = architecture.module(words)
    ids = torch.arange(4, 24).reshape(2, 10)
    learned = torch.zeros_like(ids, dtype=torch.bool)
    learned[:, 7] = True
    loss = answer_loss(module, Documents(ids.numpy(), learned.numpy()))
    logits = module(input_ids=ids).logits[:, 6]
    assert logits.shape == (2, len(words))
    assert loss.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, ids[:, 7]).item(), abs=1e-5)
    assert module.config.num_hidden_layers == architecture.layers
    assert module.get_input_embeddings().weight is not module.get_output_embeddings().weight


def test_the_name_says_family_blocks_and_width():
    assert Architecture("gpt2", 3, 64, 4).name == "gpt2-3x64"
