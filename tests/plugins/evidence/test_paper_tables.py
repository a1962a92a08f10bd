"""Published tables: each verdict follows from effects by its rule, and a vector that does nothing reproduces nothing."""

import numpy as np
import pytest

from steerstack.stats import estimates
from steerstack.study.null_test import NEEDED, NullTest
from steerstack.study.stack.answer import StackAnswer, StackRow
from steerstack.study.stack.grid import ALONE, Cell
from steerstack.study.stack.words import OnTop
from steerstack_plugins.evidence.paper_tables import PAPER_TABLES, paper_tables_line, paper_tables_page

NOISE = np.linspace(-0.5, 0.5, 60)


def about(mean):
    return estimates.mean(NOISE + mean)


def answered(alone, opposite=0.0, *, prompt=0.0, tuned=0.0, against=0.5):
    """An answer with these mean effects over 60 items."""
    rows = [
        StackRow(ALONE, about(alone)),
        StackRow(Cell("none", "negative"), about(opposite)),
        StackRow(Cell("none", "positive", "lora-sft"), about(tuned)),
    ]
    combined = [
        OnTop("a positive prompt", about(prompt), "", ""),
        OnTop("lora-sft (transferred)", about(tuned), "", ""),
    ]
    share = estimates.share([1.0] * round(60 * against) + [0.0] * round(60 * (1 - against)))
    return StackAnswer("honesty", rows, NullTest(alone, {family: [0.0] for family in NEEDED}), combined, share)


def verdict(of, words):
    (one,) = (one for one in PAPER_TABLES if words in f"{one.paper}: {one.reports}")
    return one.outcome({"honesty": of})[0]


@pytest.mark.parametrize(
    ("words", "of", "expected"),
    [
        ("six of seven behaviours; sycophancy", answered(0.6, -0.6), "reproduced"),
        ("six of seven behaviours; sycophancy", answered(0.6, 0.6), "not reproduced"),
        ("six of seven behaviours; sycophancy", answered(0.0, -0.6), "not reproduced"),
        ("positive system prompt", answered(0.6, prompt=0.6), "reproduced"),
        ("positive system prompt", answered(0.6, prompt=0.0), "not resolved"),
        ("positive system prompt", answered(0.0, prompt=0.6), "not measured"),
        ("table 10", answered(0.6, tuned=0.0), "reproduced"),
        ("table 10", answered(0.6, tuned=0.6), "not reproduced"),
        ("table 10", answered(0.6, tuned=0.3), "not resolved"),
        ("Tan et al.", answered(0.6, against=0.5), "reproduced"),
        ("Tan et al.", answered(0.6, against=0.05), "not reproduced"),
        ("Tan et al.", answered(0.6, against=0.25), "not resolved"),
        ("Tan et al.", answered(0.0, against=0.5), "not measured"),
    ],
)
def test_verdicts_follow_their_rules(words, of, expected):
    assert verdict(of, words) == expected


def test_nothing_measured_reproduces_nothing():
    assert {one.outcome({})[0] for one in PAPER_TABLES} == {"not measured", "not comparable"}
    assert paper_tables_line({}).endswith("2 not comparable, 5 not measured.")


def test_the_page_has_every_table_with_its_numbers():
    answers = {"honesty": answered(0.6, -0.6)}
    page = paper_tables_page(answers)
    assert all(f"## {one.paper}" in page and one.rule in page for one in PAPER_TABLES)
    assert str(answers["honesty"].alone) in page
