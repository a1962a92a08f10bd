"""A ratio of means over the same items."""

import math

import numpy as np
import pytest

from steerstack.stats import mean_interval, ratio_interval


def test_it_is_the_ratio_of_means_and_needs_something_below():
    rng = np.random.default_rng(0)
    below = rng.normal(0.5, 0.1, 40)
    found = ratio_interval(below * 0.6 + rng.normal(0, 0.05, 40), below)
    assert found.value == pytest.approx(0.6, abs=0.05)
    assert found.ci_low < found.value < found.ci_high
    unknown = ratio_interval(below, rng.normal(0, 1, 40))
    assert (unknown.ci_low, unknown.ci_high) == (-math.inf, math.inf)


def test_its_bounds_are_where_the_difference_is_just_resolved():
    """Fieller's theorem, by the definition."""
    rng = np.random.default_rng(1)
    below = rng.normal(1, 1, 60)
    above = 0.4 * below + rng.normal(0, 1, 60)
    for groups in (None, np.repeat(np.arange(12), 5)):
        found = ratio_interval(above, below, groups=groups)
        edges = [mean_interval(above - bound * below, groups=groups) for bound in (found.ci_low, found.ci_high)]
        assert [min(abs(e.ci_low), abs(e.ci_high)) for e in edges] == pytest.approx([0, 0], abs=1e-9)


def test_the_same_ratio_at_every_item_is_no_certainty():
    found = ratio_interval(np.full(30, 0.6), np.full(30, 1.0))
    assert found.ci_low < 0.55 < 0.65 < found.ci_high
