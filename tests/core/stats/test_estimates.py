"""Interactions are what they say, pairing narrows, and what is printed has no signed zero."""

import numpy as np
import pytest

from steerstack.errors import StudyError
from steerstack.stats import estimates, mean_interval
from steerstack.stats.estimate import Estimate


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(0)
    items = rng.normal(size=50) * 5
    after = items + 0.2 + rng.normal(size=50) * 0.1
    assert estimates.difference(after, items).excludes_zero
    assert not estimates.mean(after).excludes_zero


def test_interaction_is_the_difference_in_differences():
    neither, first, second = np.zeros(30), np.full(30, 1.0), np.full(30, 2.0)
    assert estimates.interaction(first + second, first, second, neither).value == 0
    assert estimates.interaction(second, first, second, neither).value == -1


def test_needed_n_falls_with_the_effect():
    values = np.random.default_rng(0).normal(size=50)
    small, large = estimates.needed_n(values, 0.1), estimates.needed_n(values, 1.0)
    assert small is not None
    assert large is not None
    assert small > 50 * large
    assert estimates.needed_n(values, 0.0) is None


def test_a_share_is_of_outcomes():
    assert estimates.share([1.0, 0.0, 1.0]) == estimates.proportion_interval(2, 3)
    with pytest.raises(StudyError, match="0 or 1"):
        estimates.share([1.0, 0.3])


def test_no_zero_has_a_sign_and_few_items_bear_no_claim():
    assert str(Estimate(-0.0001, -0.2, 0.0002, 30)) == "0.000 [-0.200, 0.000]"
    assert not Estimate(1.0, 0.5, 1.5, 7).bears_claim
    assert Estimate(1.0, 0.5, 1.5, 8).bears_claim


def test_one_item_has_no_interval_and_says_so():
    assert str(mean_interval([0.25])) == "+0.250 (no interval)"


def test_a_share_of_clustered_items_is_never_narrower():
    outcomes, groups = np.repeat([1.0, 1.0, 0.0, 1.0, 0.0], 8), np.repeat(np.arange(5), 8)
    alone, clustered = estimates.share(outcomes), estimates.share(outcomes, groups=groups)
    assert alone.value == clustered.value
    assert 0 <= clustered.ci_low < alone.ci_low < alone.ci_high < clustered.ci_high <= 1
    assert estimates.share(outcomes, groups=np.arange(40)).ci_low <= alone.ci_low
