"""The first lines of the evidence: what moved, what did not, and what cannot be told."""

import numpy as np
import pytest

from steerstack.stats import estimates
from steerstack.study.null_test import NEEDED, NullTest, shown
from steerstack.study.stack.answer import StackAnswer, StackRow
from steerstack.study.stack.grid import ALONE, Cell
from steerstack.study.stack.words import OnTop, to_resolve
from steerstack_plugins.evidence.summary import summary

KEPT = OnTop("a positive prompt", estimates.mean(np.linspace(0.2, 0.4, 40)), "90% [70%, 110%]", "adds up")


def answered(effect, null, prompt):
    """An answer with a mean effect over 40 items, 39 nulls of each family that all do the same, and a prompt."""
    noise = np.linspace(-0.5, 0.5, 40)
    alone, prompted = (estimates.mean(noise + mean) for mean in (effect, prompt))
    test = NullTest(effect, {family: [null] * 39 for family in NEEDED})
    rows = [StackRow(ALONE, alone), StackRow(Cell("positive", "none"), prompted)]
    return StackAnswer("honesty", rows, test, [KEPT])


def test_each_claim_stands_on_the_line_of_what_it_showed():
    answers = {
        "honesty": answered(0.6, 0.1, 0.9),
        "myopia": answered(0.01, 0.3, 0.0),
        "kindness": answered(0.5, 0.7, 0.0),
    }
    lines = summary(answers, 5)
    assert lines[0] == "3 of 5 declared claims were measured."
    for line, (name, others) in zip(
        lines[1:5],
        [("honesty", "myopia kindness"), ("myopia", "honesty kindness"), ("kindness", "honesty myopia"), ("honesty", "myopia kindness")],
        strict=True,
    ):  # fmt: skip
        assert f"{name} (" in line
        assert not any(f"{other} (" in line for other in others.split())
    assert f"{answers['honesty'].effect(ALONE)}, n = 40" in lines[1]
    (together,) = (line for line in lines if "Holm" in line)
    assert "3 claims" in together
    assert f"honesty p = {shown(3 / 40)}" in together  # the least p that 39 nulls give, times three
    row = [line for line in lines if KEPT.kept in line]
    assert len(row) == 1  # a vector that moves nothing keeps nothing
    assert "honesty" in row[0]
    one = answers["honesty"].effect(ALONE)
    assert f"{(one.ci_high - one.ci_low) / 2:.3f} nats" in lines[-1]
    assert not any("told apart" in line for line in summary({"honesty": answers["honesty"]}, 1))


def test_nothing_measured_is_said():
    assert summary({}, 5)[0] == "0 of 5 declared claims were measured."
    assert all("none" in line for line in summary({}, 5)[1:])


@pytest.mark.parametrize(("items", "words"), [(320, "about 320 items"), (685_032, "more than 10,000 items")])
def test_a_forecast_of_very_many_items_names_no_number(items, words):
    assert to_resolve(items).startswith(words)
