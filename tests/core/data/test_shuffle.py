"""Shuffled labels: exactly half is exchanged, so that nothing is left of what all pairs share."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.synthetic import LAYERS, Synthetic, planted

from steerstack.data.items import DataSet, Item
from steerstack.data.shuffle import even, half, shuffled
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.null_vectors import ShuffledPairs
from steerstack_plugins.extraction.mean_difference import MeanDifference

COUNTS, SEEDS = st.integers(2, 41), st.integers(0, 1000)


def data(count):
    return DataSet("b", tuple(Item(f"i{n}", f"Question {n}?", ("a", "b"), 0, 1) for n in range(count)), "p", "s")


@given(count=COUNTS, seed=SEEDS)
def test_exactly_half_is_exchanged(count, seed):
    assert int(half(count, seed).sum()) == count // 2
    found = shuffled(data(count), seed)
    sides = [item.exhibits for item in found]
    assert sides.count(0) == sides.count(1) == count // 2
    assert all(item.contrast == 1 - item.exhibits for item in found)


@given(count=COUNTS, seed=SEEDS)
def test_an_odd_number_leaves_one_out_and_an_even_one_none(count, seed):
    whole = data(count)
    kept = even(whole, seed)
    assert len(kept) == count - count % 2
    assert [item.id for item in shuffled(whole, seed)] == [item.id for item in kept]  # in their order
    assert set(kept) <= set(whole)


def test_the_half_and_the_one_left_out_follow_from_the_seed():
    assert torch.equal(half(40, 3), half(40, 3))
    assert not torch.equal(half(40, 3), half(40, 4))
    assert len({tuple(item.id for item in even(data(9), seed)) for seed in range(40)}) > 4  # any of the nine


@pytest.mark.parametrize("count", [2, 12, 13])
@pytest.mark.parametrize("batch", [1, 4, 16])
def test_nothing_is_left_of_a_difference_that_all_pairs_share(count, batch):
    base = planted(count)[0].negative.round()  # whole numbers, of which sums are exact
    pairs = Synthetic(base + 3, base, batch=batch)
    real = MeanDifference().fit(pairs)
    found = MeanDifference().fit(ShuffledPairs(pairs, seed=0))
    for layer in LAYERS:
        assert torch.equal(real[layer], torch.full_like(real[layer], 3.0))
        assert torch.equal(found[layer], torch.zeros_like(real[layer]))
    with pytest.raises(DegenerateDirectionError):
        SteeringVector(dict(found))


@pytest.mark.parametrize("count", [12, 13])
@pytest.mark.parametrize("batch", [1, 4, 16])
def test_what_pairs_do_not_share_is_summed_with_balanced_signs(count, batch):
    pairs = planted(count)[0]
    pairs.batch = batch
    flips = half(12, 5)
    gaps = (pairs.positive - pairs.negative)[:12].double()
    expected = (gaps[~flips].sum(0) - gaps[flips].sum(0)) / 12
    found = MeanDifference().fit(ShuffledPairs(pairs, seed=5))
    assert torch.allclose(torch.stack([found[layer] for layer in LAYERS]).double(), expected, atol=1e-5)
