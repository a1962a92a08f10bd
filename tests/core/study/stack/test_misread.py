"""Effects on the items whose words mislead, beside those on all."""

import numpy as np
import pytest

from steerstack.data.items import DataSet, Item
from steerstack.data.words import WordGuesses
from steerstack.run.arms import ArmValues
from steerstack.stats import mean_interval
from steerstack.study.stack.grid import Cell, arms_json
from steerstack.study.stack.misread import misread_json, misread_line, misread_table

DATA = DataSet("b", tuple(Item(f"i{n}", f"Question {n}?", ("a", "b"), 0, 1) for n in range(12)), "p", "s")
WRONG = [1, 4, 5, 6, 9, 11]
GUESSES = WordGuesses({f"i{n}": 0.0 if n in WRONG else 0.5 if n == 3 else 1.0 for n in range(12)})


def arm(log_odds):
    return ArmValues(np.asarray(log_odds), np.full(12, 0.5), 0)


GAIN = np.where(np.isin(np.arange(12), WRONG), np.linspace(-0.2, 0.3, 12), 2.0)
BASE = np.linspace(-1, 1, 12)
GRID = {Cell("none", "none"): arm(BASE), Cell("none", "positive"): arm(BASE + GAIN)}


@pytest.mark.parametrize("groups", [None, [n // 2 for n in range(12)]])
def test_the_effect_is_that_of_the_items_guessed_wrong_alone(groups):
    found = misread_json(DATA, GUESSES, GRID, groups)
    within = None if groups is None else np.array(groups)[WRONG]
    (only,) = found["effects"]
    assert (found["n"], found["of"], only["vector"]) == (6, 12, "positive")
    assert only["effect"] == pytest.approx(mean_interval(GAIN[WRONG], groups=within).to_json())


def test_the_page_and_the_terminal_say_it_with_n_and_interval():
    value = {"arms": arms_json(GRID), "misread": misread_json(DATA, GUESSES, GRID)}
    (table,) = misread_table(value)
    assert table.rows[0][-2].startswith("+0.073")
    assert table.rows[0][-1].startswith("+1.036")
    assert "6 of 12" in table.note
    (line,) = misread_line(value)
    assert line.startswith("The vector alone where words mislead (n = 6): +0.073")


@pytest.mark.parametrize("guesses", [None, WordGuesses({item.id: 1.0 for item in DATA})])
def test_where_no_item_is_guessed_wrong_nothing_is_shown(guesses):
    found = misread_json(DATA, guesses, GRID)
    assert found == (guesses and {"n": 0, "of": 12, "effects": []})
    value = {"arms": arms_json(GRID), "misread": found}
    assert misread_table(value) == misread_line(value) == []
