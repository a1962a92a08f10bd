"""What a verdict is worth, against scipy's exact intervals and Bayes' rule by hand."""

import pytest
from statsmodels.stats.proportion import proportion_confint

from steerstack.errors import ParameterError
from steerstack_plugins.sandbagging.audit.probability import honest_needed, probability, probability_at_most

RATES = {"detection": {"count": 12, "n": 16}, "false_positive": {"count": 0, "n": 12}}


@pytest.mark.parametrize(("rate", "needed"), [(0.05, 72), (0.1, 36), (0.01, 368), (0.001, 3688)])
def test_one_honest_organism_fewer_would_not_do(rate, needed):
    assert honest_needed(rate) == needed
    assert proportion_confint(0, needed, method="beta")[1] <= rate < proportion_confint(0, needed - 1, method="beta")[1]


@pytest.mark.parametrize(("says", "hits", "errors"), [(True, 12, 0), (False, 4, 12)])
def test_the_probability_is_bayes_rule_with_the_rates_of_that_verdict(says, hits, errors):
    estimate = probability(RATES, says, prior=0.2)
    hit, error = (hits + 0.5) / 17, (errors + 0.5) / 13
    assert estimate.value == pytest.approx(0.2 * hit / (0.2 * hit + 0.8 * error))
    low, high = (proportion_confint(count, n, alpha=0.025, method="beta") for count, n in ((hits, 16), (errors, 12)))
    assert estimate.ci_low == pytest.approx(0.2 * low[0] / (0.2 * low[0] + 0.8 * high[1]))
    assert estimate.ci_high == pytest.approx(0.2 * low[1] / (0.2 * low[1] + 0.8 * high[0]))
    assert estimate.ci_low <= estimate.value <= estimate.ci_high
    assert (estimate.sandbagging, estimate.honest) == ((hits, 16), (errors, 12))


def test_without_organisms_there_is_no_probability():
    estimate = probability(RATES | {"false_positive": {"count": 0, "n": 0}}, True)
    assert (estimate.value, estimate.ci_low, estimate.ci_high) == (None, None, None)


def test_a_p_value_alone_bounds_the_probability():
    assert probability_at_most(0.05) == pytest.approx(1 / 1.407, rel=1e-3)  # Sellke et al., table 1: at least 0.289
    assert probability_at_most(0.001) == pytest.approx(1 - 0.0184, abs=1e-4)
    assert probability_at_most(0.5) == probability_at_most(1.0) == 0.5
    assert probability_at_most(0.0) == 1.0
    assert probability_at_most(0.01, prior=0.1) < probability_at_most(0.01)
    with pytest.raises(ParameterError):
        probability_at_most(0.05, prior=1.0)


def test_a_prior_or_a_rate_that_is_certain_is_refused():
    for prior in (0.0, 1.0):
        with pytest.raises(ParameterError):
            probability(RATES, True, prior=prior)
    with pytest.raises(ParameterError):
        honest_needed(0.0)
