"""Corrections and power against statsmodels and scipy called plainly, and against simulation."""

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from steerstack.stats.comparisons import corrected, minimal_effect, p_value
from steerstack.stats.estimates import needed_n


def test_p_is_that_of_the_paired_t_test():
    rng = np.random.default_rng(0)
    after, before = rng.normal(0.3, 1, 30), rng.normal(0, 1, 30)
    assert p_value(after - before) == pytest.approx(scipy_stats.ttest_rel(after, before).pvalue)
    assert p_value(np.zeros(5)) == 1
    assert p_value([0.3]) == 1
    assert 0 < p_value([0.3] * 30) < 1e-6  # that all are alike is no certainty


@pytest.mark.parametrize("method", ["holm", "fdr_bh"])
def test_corrections_are_statsmodels(method):
    raw = {"a": 0.001, "b": 0.02, "c": 0.04, "d": 0.5}
    rows = corrected(raw, method)
    holds, adjusted, _, _ = multipletests(list(raw.values()), method=method)
    assert [row["p_corrected"] for row in rows.values()] == pytest.approx(adjusted)
    assert [row["holds"] for row in rows.values()] == holds.tolist()
    assert corrected({}) == {}


def test_holm_keeps_false_claims_below_five_percent():
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(40):
        raw = {str(i): p_value(rng.normal(0, 1, 40)) for i in range(10)}
        false += any(row["holds"] for row in corrected(raw).values())
    assert false <= 5  # 2 are expected


def test_the_minimal_effect_is_found_four_times_in_five():
    rng = np.random.default_rng(2)
    pilot = rng.normal(0, 0.5, 200)
    smallest = minimal_effect(pilot, 40).value
    hits = sum(p_value(rng.normal(smallest, 0.5, 40)) < 0.05 for _ in range(400))
    assert 0.73 <= hits / 400 <= 0.87
    spread = float(np.std(pilot, ddof=1))
    assert smallest == pytest.approx(TTestPower().solve_power(nobs=40, alpha=0.05, power=0.8) * spread)
    assert needed_n(pilot, smallest) == pytest.approx(40, abs=3)  # normal theory, not Student's
    assert minimal_effect([0.1], 40) is None


def test_a_small_pilot_leaves_a_range_that_covers():
    """What 40 items resolve is known in truth: a pilot of twelve names a range that holds it."""
    rng, truth = np.random.default_rng(3), TTestPower().solve_power(nobs=40, alpha=0.05, power=0.8) * 0.5
    effects = [minimal_effect(rng.normal(0, 0.5, 12), 40) for _ in range(100)]
    assert np.mean([one.low <= truth <= one.high for one in effects]) >= 0.88
    assert all(one.low < one.value < one.high for one in effects)
