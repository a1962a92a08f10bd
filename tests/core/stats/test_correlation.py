"""Pearson's r and its interval, and Spearman's, against SciPy and by how often they hold."""

import math

import numpy as np
import pytest
from scipy import stats

from steerstack.stats.correlation import correlation, spearman


def test_it_is_scipy_s():
    generator = np.random.default_rng(0)
    x = generator.standard_normal(12)
    y = x + generator.standard_normal(12)
    found, known = correlation(x, y), stats.pearsonr(x, y)
    interval = known.confidence_interval(0.95)
    assert found.value == pytest.approx(known.statistic)
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert found.n == 12


def test_what_is_not_known_is_not_said():
    assert math.isnan(correlation([1, 1, 1, 1], [1, 2, 3, 4]).value)
    three = correlation([0, 1, 2], [0, 1, 1])
    assert three.value == pytest.approx(math.sqrt(3) / 2)
    assert (three.ci_low, three.ci_high) == (-math.inf, math.inf)
    whole = correlation([0, 1, 2, 3], [0, 2, 4, 6])
    assert (whole.value, whole.ci_low, whole.ci_high) == (1, 1, 1)


def test_spearman_s_is_scipy_s_whatever_the_units():
    generator = np.random.default_rng(1)
    x = generator.standard_normal(30)
    y = x + generator.standard_normal(30)
    found = spearman(x, y)
    assert found.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.ci_low < found.value < found.ci_high < 1
    assert spearman(np.exp(x), 3 * y) == found == spearman(x, y)


def test_an_interval_over_items_holds_about_as_often_as_it_says():
    """Two columns of correlation 1/2: Spearman's is 6/pi asin(1/4) = 0.483."""
    held = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        x = generator.standard_normal(60)
        y = x / 2 + math.sqrt(3) / 2 * generator.standard_normal(60)
        found = spearman(x, y, seed=seed)
        held += found.ci_low < 6 / math.pi * math.asin(0.25) < found.ci_high
    assert held >= 34


def test_clusters_widen_it_and_are_drawn_whole():
    generator = np.random.default_rng(2)
    x, y = generator.standard_normal((2, 12))
    y += x
    repeated = [np.repeat(column, 5) for column in (x, y)]
    groups = np.repeat(np.arange(12), 5)
    alone, clustered = spearman(x, y), spearman(*repeated, groups=groups)
    assert clustered.clusters == 12
    assert clustered.ci_high - clustered.ci_low == pytest.approx(alone.ci_high - alone.ci_low, rel=0.15)
    assert clustered.ci_low < spearman(*repeated).ci_low


def test_where_spearman_s_is_not_known_nothing_is_said():
    assert math.isnan(spearman(np.ones(20), np.arange(20)).value)
    few = spearman(np.arange(7), np.arange(7))
    assert (few.value, few.ci_low, few.ci_high) == (pytest.approx(1), -math.inf, math.inf)
    whole = spearman(np.arange(20), np.arange(20) ** 3)
    assert (whole.value, whole.ci_high) == (1, 1)
    assert 0.8 < whole.ci_low < 1
    lone = spearman([1.0] + [0.0] * 19, np.arange(20))  # a third of all draws leave the one out
    assert (lone.ci_low, lone.ci_high) == (-math.inf, math.inf)
