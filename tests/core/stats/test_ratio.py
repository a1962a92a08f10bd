"""A ratio of means over the same items."""

import math

import numpy as np
import pytest
from scipy import stats

from steerstack.stats import mean_interval, ratio_interval
from steerstack.stats.ratio import two_way_ratio


def test_it_is_the_ratio_of_means_and_needs_something_below():
    rng = np.random.default_rng(0)
    below = rng.normal(0.5, 0.1, 40)
    ratio = ratio_interval(below * 0.6 + rng.normal(0, 0.05, 40), below)
    assert ratio.value == pytest.approx(0.6, abs=0.05)
    assert ratio.ci_low < ratio.value < ratio.ci_high
    unknown = ratio_interval(below, rng.normal(0, 1, 40))
    assert (unknown.ci_low, unknown.ci_high) == (-math.inf, math.inf)


def test_its_bounds_are_where_the_difference_is_just_resolved():
    """Fieller's theorem, by the definition."""
    rng = np.random.default_rng(1)
    below = rng.normal(1, 1, 60)
    above = 0.4 * below + rng.normal(0, 1, 60)
    for groups in (None, np.repeat(np.arange(12), 5)):
        ratio = ratio_interval(above, below, groups=groups)
        edges = [mean_interval(above - bound * below, groups=groups) for bound in (ratio.ci_low, ratio.ci_high)]
        assert [min(abs(e.ci_low), abs(e.ci_high)) for e in edges] == pytest.approx([0, 0], abs=1e-9)


def test_the_same_ratio_at_every_item_is_no_certainty():
    ratio = ratio_interval(np.full(30, 0.6), np.full(30, 1.0))
    assert ratio.ci_low < 0.55 < 0.65 < ratio.ci_high


def plain_two_way(values):
    """Variance of the mean and degrees of freedom, written out."""
    over_seeds, over_items = values.mean(1), values.mean(0)
    parts = [(np.var(of, ddof=1) / len(of), len(of) - 1) for of in (over_seeds, over_items)]
    total = sum(square for square, _ in parts)
    return total, total**2 / sum(square**2 / freedom for square, freedom in parts)


def test_over_seeds_and_items_its_bounds_are_where_the_difference_is_just_resolved():
    rng = np.random.default_rng(2)
    below = 1 + rng.normal(0, 0.2, (5, 1)) + rng.normal(0, 0.5, 40) + rng.normal(0, 0.3, (5, 40))
    above = 0.6 * below + rng.normal(0, 0.1, (5, 1)) + rng.normal(0, 0.2, (5, 40))
    ratio = two_way_ratio(above, below)
    reach = stats.t.ppf(0.975, plain_two_way(above - ratio.value * below)[1])
    for bound in (ratio.ci_low, ratio.ci_high):
        rest = above - bound * below
        assert abs(rest.mean()) == pytest.approx(reach * plain_two_way(rest)[0] ** 0.5)
    assert ratio.ci_low < ratio.value < ratio.ci_high
    by_ten = np.repeat(np.arange(10), 4)
    wide = two_way_ratio(np.repeat(above[:, :10], 4, axis=1), np.repeat(below[:, :10], 4, axis=1), groups=by_ten)
    narrow = two_way_ratio(above[:, :10], below[:, :10])
    assert (wide.ci_low, wide.ci_high) == pytest.approx((narrow.ci_low, narrow.ci_high), abs=0.03)


def test_over_seeds_and_items_it_needs_something_below():
    rng = np.random.default_rng(3)
    unknown = two_way_ratio(np.ones((4, 20)), rng.normal(0, 1, (4, 20)))
    assert (unknown.ci_low, unknown.ci_high) == (-math.inf, math.inf)
    same = two_way_ratio(np.full((4, 20), 0.5), np.full((4, 20), 1.0))
    assert same.ci_low < 0.5 < same.ci_high


def test_over_seeds_and_items_it_covers_the_planted_ratio():
    rng, hits = np.random.default_rng(4), 0
    for _ in range(200):
        below = 1 + rng.normal(0, 0.2, (5, 1)) + rng.normal(0, 0.5, 30)
        above = 0.5 * below + rng.normal(0, 0.1, (5, 1)) + rng.normal(0, 0.2, 30)
        ratio = two_way_ratio(above, below)
        hits += ratio.ci_low <= 0.5 <= ratio.ci_high
    assert hits >= 186
