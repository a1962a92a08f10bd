"""The rank of an effect among nulls."""

import numpy as np
import pytest

from steerstack.stats import rank_p
from steerstack.stats.ranks import rank_correlation


def test_p_counts_the_effect_among_the_nulls():
    assert rank_p(3.0, np.linspace(-1, 1, 39)) == 1 / 40
    assert rank_p(-3.0, np.linspace(-1, 1, 39)) == 1 / 40
    assert rank_p(0.5, [-0.5, 0.4, 0.9]) == 3 / 4  # as large counts, whatever its sign
    assert rank_p(0.5, []) == 1
    assert rank_p(3.0, [0.0, np.nan]) == pytest.approx(2 / 3)


def test_under_the_null_it_is_uniform():
    rng = np.random.default_rng(0)
    p_values = [rank_p(values[0], values[1:]) for values in rng.normal(size=(2000, 20))]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.015)


def test_the_correlation_of_four_has_its_exact_p():
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == (pytest.approx(1), pytest.approx(2 / 24))
    rho, p = rank_correlation([1, 2, 3, 4], [20, 10, 40, 30])
    assert rho == pytest.approx(0.6)
    assert p == pytest.approx(10 / 24)
    assert np.isnan(rank_correlation([1, 2, 3, 4], [1, 1, 1, 1])).all()
