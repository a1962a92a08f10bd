"""Pearson's r and its interval, against SciPy."""

import math

import numpy as np
import pytest
from scipy import stats

from steerstack.stats.correlation import correlation


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
