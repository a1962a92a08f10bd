"""Extraction equals a plain-PyTorch CAA, and its memory does not grow with the pairs."""

from dataclasses import replace

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.questions import ContrastPair, Read, contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.steering.site import Site
from steerstack.techniques.extract import extract
from steerstack.testing.models import ARCHITECTURES
from steerstack_plugins.extraction.mean_difference import MeanDifference


@torch.no_grad()
def plain_caa(model, pairs):
    """The paper's steps written out: one pass a side, mean over positions, mean of differences."""
    blocks = [model.module_at(Site("resid_post", i)) for i in range(model.n_layers)]
    total = torch.zeros(model.n_layers, model.d_model, dtype=torch.float64)
    for pair in pairs:
        for sign, side in ((1, pair.positive), (-1, pair.negative)):
            states = []
            hooks = [
                block.register_forward_hook(
                    lambda _m, _a, out, states=states: states.append(out[0] if isinstance(out, tuple) else out)
                )
                for block in blocks
            ]
            model.module(torch.tensor([side.sequence.ids]))
            for hook in hooks:
                hook.remove()
            total += sign * torch.stack([h[0, list(side.positions)].double().mean(0) for h in states])
    return total / len(pairs)


@pytest.mark.parametrize("position", ["answer", "last", "response"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equals_plain_caa(tiny, table, architecture, position):
    model, data = tiny(architecture), load_data(table).limit(7)
    vector = extract(model, data, MeanDifference(), position=position)
    expected = plain_caa(model, contrast_pairs(model.format, data, position))
    for layer in range(model.n_layers):
        error = (vector[layer].double() - expected[layer]).norm() / expected[layer].norm()
        assert error < 1e-4


def test_any_batch_size_gives_the_same(llama, table):
    pairs = contrast_pairs(llama.format, load_data(table), "response")
    one, other = (MeanDifference().fit(PairActivations(llama, pairs, tokens=n)) for n in (1, 4000))
    assert all(torch.allclose(one[layer], other[layer], atol=1e-5) for layer in one)


def test_it_is_known_which_pair_each_row_is_of(llama, table):
    pairs = contrast_pairs(llama.format, load_data(table), "response")
    stream = PairActivations(llama, pairs)
    rows = stream.collect().positive
    assert sorted(stream.order) == list(range(len(pairs)))
    assert list(stream.order) != sorted(stream.order)  # the longest first
    for row, number in zip(rows, stream.order, strict=True):
        assert torch.allclose(row, PairActivations(llama, [pairs[number]]).collect().positive[0], atol=1e-5)


def test_the_order_of_pairs_does_not_matter(llama, table):
    pairs = contrast_pairs(llama.format, load_data(table), "response")
    one, other = (MeanDifference().fit(PairActivations(llama, p)) for p in (pairs, pairs[::-1]))
    assert all(torch.allclose(one[layer], other[layer], atol=1e-5) for layer in one)


def test_swapping_the_sides_flips_the_sign(llama, table):
    data = load_data(table)
    vector = extract(llama, data, MeanDifference(), position="response")
    flipped = extract(llama, data.take(tuple(i.inverted() for i in data)), MeanDifference(), position="response")
    assert torch.allclose(vector[2], -flipped[2], atol=1e-5)


def test_origin_says_where_it_comes_from(llama, table):
    data = load_data(table).limit(5)
    origin = extract(llama, data, MeanDifference(), position="last").origin
    assert (origin.method, origin.position, origin.n_pairs) == ("mean-difference", "last", 5)
    assert origin.data_digest == data.digest
    assert origin.model_fingerprint == llama.fingerprint


def test_batches_are_streamed(llama, table):
    pairs = contrast_pairs(llama.format, load_data(table), "answer")
    sizes = [len(batch.positive) for batch in PairActivations(llama, pairs, tokens=600, layers=[1])]
    assert sum(sizes) == 30
    assert len(sizes) > 3


SYSTEM = "You are a careful assistant. You answer in plain words. " * 2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_common_system_prompt_changes_no_number(tiny, table, architecture):
    model, data = tiny(architecture), load_data(table).limit(6)
    data = data.take(tuple(replace(item, system=SYSTEM) for item in data))
    vector = extract(model, data, MeanDifference(), position="answer")
    expected = plain_caa(model, contrast_pairs(model.format, data, "answer"))
    for layer in range(model.n_layers):
        assert (vector[layer].double() - expected[layer]).norm() / expected[layer].norm() < 1e-4


def test_a_common_system_prompt_is_run_once(llama, table, watch):
    data = load_data(table).limit(6)
    data = data.take(tuple(replace(item, system=SYSTEM) for item in data))
    pairs = contrast_pairs(llama.format, data, "response")
    tokens: list[int] = []
    watch(llama, tokens.append, layers=[0])
    together, few = PairActivations(llama, pairs).collect(), sum(tokens)
    alone, many = [PairActivations(llama, [pair]).collect() for pair in pairs], sum(tokens) - few
    assert many - few > 4 * len(SYSTEM)  # a byte a token, in five of six pairs
    for place, one in enumerate(alone):
        assert (together.positive[place] - one.positive[0]).norm() / one.positive.norm() < 1e-5
        assert (together.negative[place] - one.negative[0]).norm() / one.negative.norm() < 1e-5


def test_positions_in_the_common_beginning_are_read_all_the_same(llama, table):
    pairs = [
        ContrastPair(pair.id, Read(pair.positive.sequence, (2, 40)), Read(pair.negative.sequence, (5,)))
        for pair in contrast_pairs(llama.format, load_data(table).limit(5), "response")
    ]
    directions = MeanDifference().fit(PairActivations(llama, pairs))
    expected = plain_caa(llama, pairs)
    assert all(torch.allclose(directions[layer].double(), expected[layer], atol=1e-5) for layer in directions)
