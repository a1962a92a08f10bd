"""The mean difference under shuffled labels."""

import pytest
import torch
from tests.synthetic import LAYERS, Synthetic, cosines, planted

from steerstack.data.shuffle import half
from steerstack.errors import DegenerateDirectionError
from steerstack_plugins.extraction.common.sides import sides
from steerstack_plugins.extraction.mean_difference import MeanDifference
from steerstack_plugins.extraction.shuffled_labels import ShuffledLabels


def test_is_the_mean_difference_of_exchanged_pairs_at_the_real_norm():
    stream, _ = planted(40)
    ordered, exchanged = sides(stream), half(40, 7)[:, None, None]
    swapped = Synthetic(
        torch.where(exchanged, ordered.negative, ordered.positive),
        torch.where(exchanged, ordered.positive, ordered.negative),
    )
    null, real = ShuffledLabels(seed=7).fit(stream), MeanDifference().fit(stream)
    for layer, mean in MeanDifference().fit(swapped).items():
        assert torch.allclose(null[layer], mean * (real[layer].norm() / mean.norm()), atol=1e-4)


@pytest.mark.parametrize("pairs", [40, 41])
def test_nothing_is_left_of_what_the_pairs_share(pairs):
    # what they share is a hundred times as long as what varies: any rest of it would be all of the null
    stream, directions = planted(pairs, shift=0.0)
    much = Synthetic(stream.positive + 50 * directions, stream.negative)
    expected = dict(zip(LAYERS, directions, strict=True))
    left = [abs(value) for seed in range(5) for value in cosines(ShuffledLabels(seed=seed).fit(much), expected)]
    assert max(left) < 0.7
    assert sum(left) / len(left) < 0.3  # as at random in 24 dimensions


def test_lies_where_the_differences_lie():
    stream, _ = planted(40, 24)
    flat = stream.positive.clone(), stream.negative.clone()
    for side in flat:
        side[..., 10:] = 1.0  # the sides differ in ten coordinates only
    for direction in ShuffledLabels().fit(Synthetic(*flat)).values():
        assert float(direction[10:].abs().max()) < 1e-6


def test_other_seeds_exchange_other_pairs():
    stream, _ = planted(40)
    one, other = (ShuffledLabels(seed=seed).fit(stream)[0] for seed in (0, 1))
    assert not torch.allclose(one, other)


def test_differences_that_are_all_the_same_are_refused():
    base = planted(9)[0].positive.round()
    with pytest.raises(DegenerateDirectionError, match="all the same"):
        ShuffledLabels().fit(Synthetic(base + 1, base))
