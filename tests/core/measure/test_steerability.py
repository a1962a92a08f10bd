"""Slopes against numpy and statsmodels, the Wilson interval against statsmodels and its formula."""

import json

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.proportion import proportion_confint

from steerstack.errors import StudyError
from steerstack.measure.steerability import steerability

STRENGTHS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)  # those of the paper


def draws(items=40, seed=0):
    rng = np.random.default_rng(seed)
    slopes = rng.normal(0.3, 1.0, items)
    return rng.normal(0, 0.5, (len(STRENGTHS), items)) + np.outer(STRENGTHS, slopes)


def test_slopes_equal_polyfit_and_ordinary_least_squares():
    odds = draws()
    result = steerability(STRENGTHS, odds)
    for item in range(odds.shape[1]):
        assert result.slopes[item] == pytest.approx(np.polyfit(STRENGTHS, odds[:, item], 1)[0], abs=1e-10)
        fit = sm.OLS(odds[:, item], sm.add_constant(np.array(STRENGTHS))).fit()
        assert result.slopes[item] == pytest.approx(fit.params[1], abs=1e-10)
    curve = sm.OLS(odds.mean(1), sm.add_constant(np.array(STRENGTHS))).fit()
    assert result.mean.value == pytest.approx(curve.params[1], abs=1e-10)
    assert result.fit == pytest.approx(curve.rsquared, abs=1e-10)


def test_anti_steerable_share_and_its_interval():
    odds = draws()
    result = steerability(STRENGTHS, odds)
    anti = sum(np.polyfit(STRENGTHS, odds[:, item], 1)[0] < 0 for item in range(40))
    assert 0 < anti < 40
    assert result.anti.value == anti / 40
    low, high = proportion_confint(anti, 40, alpha=0.05, method="beta")
    assert (result.anti.ci_low, result.anti.ci_high) == pytest.approx((low, high), abs=1e-9)


def test_curves_are_means_at_each_strength_in_increasing_order():
    odds = draws(12)
    turned = [3, 0, 6, 1, 5, 2, 4]
    result = steerability([STRENGTHS[i] for i in turned], odds[turned])
    assert result.multipliers == STRENGTHS
    assert [e.value for e in result.log_odds] == pytest.approx(odds.mean(1))
    assert [e.value for e in result.probability] == pytest.approx((1 / (1 + np.exp(-odds))).mean(1))
    given_p = np.full_like(odds, 0.25)
    assert [e.value for e in steerability(STRENGTHS, odds, given_p).probability] == pytest.approx([0.25] * 7)
    json.dumps(result.to_json(), allow_nan=False)


def test_a_flat_curve_has_slope_zero():
    result = steerability([-1, 0, 1], np.ones((3, 4)))
    assert result.slopes.tolist() == [0] * 4
    assert (result.anti.value, result.fit) == (0, 1)


@pytest.mark.parametrize(
    ("strengths", "odds"),
    [((1.0, 1.0), np.ones((2, 3))), ((0.0, 1.0), np.ones((3, 3))), ((0.0, 1.0), np.ones((2, 0))),
     ((0.0, 1.0), np.array([[1.0], [np.nan]])), ((0.0,), np.ones((1, 2)))],
)  # fmt: skip
def test_what_has_no_slope_is_refused(strengths, odds):
    with pytest.raises(StudyError):
        steerability(strengths, odds)
