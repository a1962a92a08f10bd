"""Intervals cover, degenerate data do not break them, interactions are what they say."""

import math

import numpy as np
import pytest

from steerstack.stats import estimates
from steerstack.stats.additivity import at_limit, stacking
from steerstack.stats.estimates import Estimate


def test_interval_equals_scipys_bca():
    from scipy.stats import bootstrap

    data = np.random.default_rng(1).exponential(size=40)
    found = estimates.mean(data, seed=3)
    known = bootstrap(
        (data,), np.mean, n_resamples=estimates.RESAMPLES, rng=np.random.default_rng(3)
    ).confidence_interval
    assert (found.ci_low, found.ci_high) == pytest.approx((known.low, known.high))
    assert (found.value, found.n) == (pytest.approx(data.mean()), 40)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = [estimates.mean(rng.normal(0.3, 1, size=30), seed=i) for i in range(200)]
    share = np.mean([e.ci_low <= 0.3 <= e.ci_high for e in held])
    assert 0.88 <= share <= 0.99


def test_degenerate_data():
    same = estimates.mean([2.0, 2.0, 2.0])
    assert (same.ci_low, same.ci_high) == (2.0, 2.0)
    one = estimates.mean([2.0])
    assert one.ci_low == -math.inf
    assert one.to_json()["ci_low"] is None
    assert estimates.mean([]).to_json() == {"value": None, "ci_low": None, "ci_high": None, "n": 0, "level": 0.95}
    two_valued = estimates.mean([0.0] * 19 + [1.0])
    assert two_valued.ci_low <= 0.05 <= two_valued.ci_high


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(0)
    items = rng.normal(size=50) * 5
    after = items + 0.2 + rng.normal(size=50) * 0.1
    paired = estimates.difference(after, items)
    assert paired.excludes_zero
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


def e(value: float, half: float = 0.1) -> Estimate:
    return Estimate(value, value - half, value + half, 50)


@pytest.mark.parametrize(
    ("first", "second", "interaction", "gain", "verdict"),
    [
        (e(1), e(2), e(0), e(1), "adds up"),
        (e(-1), e(-2), e(0), e(1), "adds up"),
        (e(1), e(2), e(0.5), e(1.5), "reinforces"),
        (e(-1), e(-2), e(-0.5), e(1.5), "reinforces"),
        (e(1), e(2), e(-0.5), e(0.5), "partly redundant"),
        (e(1), e(2), e(-1), e(0), "redundant"),
        (e(1), e(2), e(-2), e(-1), "interferes"),
        (e(1), e(-2), e(0), e(1), "oppose each other"),
        (e(0), e(2), e(0), e(0), "only the second works alone"),
        (e(1), e(0), e(0), e(0), "only the first works alone"),
        (e(0), e(0), e(0), e(0), "neither works alone"),
        (e(1), e(2), e(0, 1.5), e(1, 1.5), "not resolved"),
    ],
)
def test_verdicts(first, second, interaction, gain, verdict):
    assert stacking(first, second, interaction, gain) == verdict


def test_ceilings_are_flagged():
    assert at_limit(0.5, 0.97)
    assert at_limit(0.01)
    assert not at_limit(0.5, 0.9)
