"""Intervals cover at small n, for outcomes and for clusters, and know when they do not know."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from steerstack.errors import StudyError
from steerstack.stats import mean_interval, proportion_interval
from steerstack.stats.intervals import gap_interval, mean_p

TRIALS = 400


def held(draw, truth, **of):
    """Share of intervals that hold the truth."""
    intervals = [mean_interval(draw(), **of) for _ in range(TRIALS)]
    return np.mean([e.ci_low <= truth <= e.ci_high for e in intervals])


def test_a_mean_has_students_interval():
    data = np.random.default_rng(1).exponential(size=40)
    interval = mean_interval(data)
    reference = scipy_stats.ttest_1samp(data, 0).confidence_interval(0.95)
    assert (interval.ci_low, interval.ci_high) == pytest.approx((reference.low, reference.high))
    assert (interval.value, interval.n, interval.clusters) == (pytest.approx(data.mean()), 40, None)
    assert mean_p(data - 0.8) == pytest.approx(scipy_stats.ttest_1samp(data, 0.8).pvalue)


@pytest.mark.parametrize("n", [10, 40])
def test_it_covers_normal_and_heavy_tailed_data(n):
    rng = np.random.default_rng(n)
    assert held(lambda: rng.normal(0.3, 1, n), 0.3) >= 0.92  # four standard errors of 400 trials are 0.04
    assert held(lambda: rng.standard_t(3, n), 0.0) >= 0.92


@pytest.mark.parametrize("n", [20, 60])
def test_it_covers_outcomes_and_differences_between_them(n):
    rng = np.random.default_rng(n)
    assert held(lambda: (rng.random(n) < 0.9).astype(float), 0.9) >= 0.93
    assert held(lambda: (rng.random((2, n)) < 0.9).mean(0), 0.9) >= 0.93
    assert held(lambda: (rng.random((2, n)) < 0.9).astype(float).T @ [1, -1], 0.0) >= 0.93


def test_it_covers_items_of_templates():
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(10), 4)

    def draw():
        return math.sqrt(0.3) * rng.normal(size=10)[groups] + math.sqrt(0.7) * rng.normal(size=40)

    assert held(draw, 0.0, groups=groups) >= 0.92
    assert held(draw, 0.0) < 0.92  # as if they were independent


def test_clusters_of_one_size_are_a_t_test_of_their_means():
    rng = np.random.default_rng(0)
    means = 3 * rng.normal(size=8)
    interval = mean_interval(np.repeat(means, 5) + 0.1 * rng.normal(size=40), groups=np.repeat(list("abcdefgh"), 5))
    reference = scipy_stats.ttest_1samp(means, 0).confidence_interval(0.95)
    assert (interval.ci_low, interval.ci_high) == pytest.approx((reference.low, reference.high), abs=0.2)
    assert (interval.n, interval.clusters, interval.units) == (40, 8, 8)
    assert interval.to_json()["clusters"] == 8


def test_clusters_never_narrow_an_interval():
    values = np.tile([1.0, -1.5, 0.3, 0.9], 10)  # the same items in every cluster: their means do not vary at all
    plain, clustered = mean_interval(values), mean_interval(values, groups=np.repeat(np.arange(10), 4))
    assert (clustered.ci_low, clustered.ci_high) == (plain.ci_low, plain.ci_high)


@given(st.floats(-5, 5), st.integers(2, 60))
def test_identical_items_never_give_an_interval_of_no_width(value, n):
    interval = mean_interval([value] * n)
    assert interval.ci_low <= value <= interval.ci_high
    assert interval.ci_high - interval.ci_low > 1 / n
    with_noise = mean_interval(value + 1e-9 * np.arange(n))
    assert with_noise.ci_high - with_noise.ci_low > 1 / n


def test_what_is_not_known_spans_everything():
    for few in (mean_interval([2.0]), mean_interval([1.0, 2.0], groups=["a", "a"]), mean_interval([1.0, math.nan])):
        assert (few.ci_low, few.ci_high) == (-math.inf, math.inf)
        assert not few.excludes_zero
    assert mean_interval([]).to_json() == {"value": None, "ci_low": None, "ci_high": None, "n": 0, "level": 0.95}
    assert mean_p([0.3]) == mean_p([0.3, 0.4], groups=[1, 1]) == 1


def test_one_changed_item_of_twenty_is_no_effect():
    assert not mean_interval([1.0] + [0.0] * 19).excludes_zero


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]) | st.floats(-3, 3), min_size=3, max_size=40))
def test_p_and_interval_agree(values):
    p, interval = mean_p(values), mean_interval(values)
    if abs(p - 0.05) > 1e-6:
        assert (p < 0.05) == interval.excludes_zero


def test_a_share_has_clopper_and_pearsons_interval():
    interval = proportion_interval(18, 20)
    reference = scipy_stats.binomtest(18, 20).proportion_ci(method="exact")
    assert (interval.value, interval.n) == (0.9, 20)
    assert (interval.ci_low, interval.ci_high) == pytest.approx((reference.low, reference.high))
    assert (proportion_interval(0, 5).ci_low, proportion_interval(5, 5).ci_high) == (0.0, 1.0)
    assert proportion_interval(0, 0).to_json()["value"] is None


@given(st.integers(8, 60), st.floats(0.01, 0.99))
def test_a_share_covers_at_every_n_and_share(n, share):
    bounds = [proportion_interval(k, n) for k in range(n + 1)]
    weights = scipy_stats.binom.pmf(np.arange(n + 1), n, share)
    assert sum(w for w, e in zip(weights, bounds, strict=True) if e.ci_low <= share <= e.ci_high) >= 0.95 - 1e-9


def test_what_does_not_fit_is_refused():
    with pytest.raises(StudyError, match="none and all"):
        proportion_interval(3, 2)
    with pytest.raises(StudyError, match="label of its cluster"):
        mean_interval([1.0, 2.0], groups=["a"])
    with pytest.raises(StudyError, match="level"):
        mean_interval([1.0, 2.0], level=95)


def test_a_gap_between_clustered_items_is_never_narrower():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 5)
    first, second = (rng.normal(size=6)[groups] + 0.1 * rng.normal(size=30) for _ in range(2))
    alone, clustered = gap_interval(first, second), gap_interval(first, second, groups=(groups, groups))
    assert alone.value == clustered.value
    assert clustered.ci_low < alone.ci_low < alone.ci_high < clustered.ci_high
    assert gap_interval(first, second, groups=(None, np.zeros(30))).ci_high == math.inf
