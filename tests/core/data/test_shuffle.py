"""Shuffled labels: exactly half is exchanged, so that nothing is left of what all pairs share."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.synthetic import LAYERS, Synthetic, planted

from steerstack.data.items import DataSet, Item
from steerstack.data.shuffle import balanced, half, shuffled
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.vector import SteeringVector, cosine
from steerstack.techniques.null_vectors import ShuffledPairs
from steerstack_plugins.extraction.mean_difference import MeanDifference

COUNTS, SEEDS = st.integers(2, 41), st.integers(0, 1000)


def data(count):
    return DataSet("b", tuple(Item(f"i{n}", f"Question {n}?", ("a", "b"), 0, 1) for n in range(count)), "p", "s")


@given(count=COUNTS, seed=SEEDS)
def test_exactly_half_is_exchanged(count, seed):
    assert int(half(count, seed).sum()) == count // 2
    dataset = shuffled(data(count), seed)
    sides = [item.exhibits for item in dataset]
    assert sides.count(0) == sides.count(1) == count // 2
    assert all(item.contrast == 1 - item.exhibits for item in dataset)


@given(count=COUNTS, seed=SEEDS)
def test_labels_sum_to_zero_and_leave_out_one_of_an_odd_number(count, seed):
    labels = balanced(count, seed)
    assert int(labels.sum()) == 0
    assert int((labels == 0).sum()) == count % 2
    names = [f"i{place}" for place, label in enumerate(labels.tolist()) if label]
    assert [item.id for item in shuffled(data(count), seed)] == names  # in their order


def test_the_labels_follow_from_the_seed():
    assert torch.equal(balanced(40, 3), balanced(40, 3))
    assert not torch.equal(balanced(40, 3), balanced(40, 4))
    assert len({int((balanced(9, seed) == 0).nonzero()) for seed in range(40)}) > 4  # any of the nine is left out


@pytest.mark.parametrize("pairs", [4, 5, 12, 40])
def test_shuffled_labels_are_never_the_vector_itself(pairs):
    stream = planted(pairs)[0]
    real = MeanDifference().fit(stream)
    for seed in range(20):
        null = MeanDifference().fit(ShuffledPairs(stream, seed))
        assert all(abs(cosine(real[layer], null[layer])) < 0.9 for layer in LAYERS)


@pytest.mark.parametrize("count", [2, 12, 13])
@pytest.mark.parametrize("batch", [1, 4, 16])
def test_nothing_is_left_of_a_difference_that_all_pairs_share(count, batch):
    base = planted(count)[0].negative.round()  # whole numbers, of which sums are exact
    pairs = Synthetic(base + 3, base, batch=batch)
    real = MeanDifference().fit(pairs)
    null = MeanDifference().fit(ShuffledPairs(pairs, seed=0))
    for layer in LAYERS:
        assert torch.equal(real[layer], torch.full_like(real[layer], 3.0))
        assert torch.equal(null[layer], torch.zeros_like(real[layer]))
    with pytest.raises(DegenerateDirectionError):
        SteeringVector(dict(null))


@pytest.mark.parametrize("count", [12, 13])
@pytest.mark.parametrize("batch", [1, 4, 16])
def test_what_pairs_do_not_share_is_summed_with_balanced_signs(count, batch):
    pairs = planted(count)[0]
    pairs.batch = batch
    gaps = (pairs.positive - pairs.negative).double()
    expected = (balanced(count, 5)[:, None, None] * gaps).sum(0) / 12
    null = MeanDifference().fit(ShuffledPairs(pairs, seed=5))
    assert torch.allclose(torch.stack([null[layer] for layer in LAYERS]).double(), expected, atol=1e-5)
