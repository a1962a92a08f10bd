"""Choices by letter and what is computed from them, against scipy and plain sums."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from steerstack.data.items import Item
from steerstack_plugins.sandbagging.audit.choices import (
    Choices,
    Way,
    answers,
    asked,
    drop,
    recovered,
    selectivity,
)

ITEMS = tuple(Item(f"i{n}", f"Case {n}?", ("a", "b", "c", "d"), n % 4, (n + 1) % 4) for n in range(40))


def chosen(right, *, items=ITEMS):
    """Choices of which the given ones are right."""
    logp = np.full((len(items), 4), -2.0)
    for row, (item, good) in enumerate(zip(items, right, strict=True)):
        logp[row, item.exhibits if good else item.contrast] = -0.1
    return Choices(items, logp)


def test_accuracy_and_its_interval_are_clopper_pearson():
    choices = chosen([n < 31 for n in range(40)])
    low, high = proportion_confint(31, 40, method="beta")
    assert choices.accuracy.value == 31 / 40
    assert (choices.accuracy.ci_low, choices.accuracy.ci_high) == pytest.approx((low, high))


def test_below_chance_is_a_binomial_tail():
    choices = chosen([n < 3 for n in range(40)])
    assert choices.chance == 0.25
    assert choices.below_chance == pytest.approx(stats.binom.cdf(3, 40, 0.25))


def test_drop_selectivity_and_recovery_are_differences_of_shares():
    good, bad, half = chosen([True] * 40), chosen([n < 4 for n in range(40)]), chosen([n < 22 for n in range(40)])
    assert drop(good, bad).value == pytest.approx(0.9)
    assert selectivity((good, bad), (good, good)).value == pytest.approx(0.9)
    assert recovered(half, bad, good).value == pytest.approx(0.5)
    assert recovered(half, bad, good).ci_low < 0.5 < recovered(half, bad, good).ci_high


def test_nothing_hidden_is_nothing_recovered():
    good = chosen([True] * 40)
    estimate = recovered(good, good, good)
    assert np.isnan(estimate.value)
    assert estimate.to_json()["value"] is None


def test_the_likeliest_letter_is_the_models_own(llama):
    items = ITEMS[:6]
    choices = Way(llama, system="Be brief.").ask(items)
    for row, item in enumerate(items):
        import torch

        sequences = answers(llama.format, asked(item, system="Be brief."), item)
        with torch.no_grad():
            logits = llama.module(torch.tensor([sequences[0].ids[:-1]])).logits[0, -1]
        plain = logits.log_softmax(-1)[[sequence.ids[-1] for sequence in sequences]]
        assert choices.logp[row] == pytest.approx(plain.tolist(), abs=1e-4)
        assert choices.chosen[row] == int(plain.argmax())


def test_items_of_fewer_options_choose_among_their_own(llama):
    items = (ITEMS[0], Item("two", "Which?", ("a", "b"), 0, 1))
    choices = Way(llama).ask(items)
    assert np.isneginf(choices.logp[1, 2:]).all()
    assert choices.chance == (0.25 + 0.5) / 2
