"""The planted direction is in the model and in the activations, and nothing else tells the sides apart."""

import subprocess
import sys

import pytest
import torch

from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan
from steerstack.steering.site import COMPONENTS
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply
from steerstack.testing.planted import PlantedPairs, planted_data, planted_direction, planted_model


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom"])
def test_adding_the_direction_makes_the_model_say_yes(architecture):
    model, data = planted_model(architecture), planted_data(8)
    groups = [question.pair for question in ask(model.format, data, "text")]
    vector = SteeringVector({layer: planted_direction("resid_post", layer, model.d_model) for layer in range(4)})
    for layer in range(4):
        arms = [Plan(), *(apply(vector, layer, scale, tokens=Tokens("all")) for scale in (4.0, -4.0))]
        plain, more, less = (
            sum(s.total(i, 0) - s.total(i, 1) for i in range(8)) / 8 for s in score(model, groups, arms)
        )
        assert less + 1 < plain < more - 1


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("position", ["answer", "last", "response"])
def test_the_sides_differ_by_the_direction_alone(component, position):
    stream = PlantedPairs(component=component, position=position)
    batch = stream.collect()
    assert batch.positive.shape == (64, 4, 32)
    for index, layer in enumerate(stream.layers):
        axis = stream.direction(layer)
        gap = batch.positive[:, index] - batch.negative[:, index]
        across = gap - (gap @ axis)[:, None] * axis
        assert float((gap @ axis).min()) > 5 * float(across.norm(dim=1).max())
        assert float((batch.negative[:, index] @ axis).abs().max()) < 0.2 * float(
            batch.negative[:, index].norm(dim=1).mean()
        )


def test_pairs_follow_their_items_in_any_order_and_swap_with_them():
    data = planted_data()
    whole = PlantedPairs().collect()
    turned = PlantedPairs(data=data.take(data.items[::-1])).collect()
    assert torch.equal(turned.positive.flip(0), whole.positive)
    swapped = PlantedPairs(data=data.take(tuple(item.inverted() for item in data))).collect()
    assert torch.equal(swapped.positive, whole.negative)
    assert torch.equal(swapped.negative, whole.positive)


def test_equal_sides_are_equal_in_activations_and_texts():
    stream = PlantedPairs(equal=True)
    batch = stream.collect()
    assert torch.equal(batch.positive, batch.negative)
    assert all(item.exhibits_text == item.contrast_text for item in stream.data)
    assert torch.equal(*(getattr(stream.at(component="mlp_out").collect(), side) for side in ("positive", "negative")))


def test_importing_the_testing_package_is_light():
    code = "import sys, steerstack.testing; print([m for m in ('torch', 'numpy', 'pytest') if m in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"
