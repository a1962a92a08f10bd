"""Effects on the items whose words mislead, beside those on all."""

import numpy as np
import pytest

from steerstack.data.items import DataSet, Item
from steerstack.data.words import WordGuesses
from steerstack.run.arms import ArmValues
from steerstack.stats import mean_interval
from steerstack.study.stack.grid import Cell, grid_arms
from steerstack.study.stack.misread import misread

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
    value = misread(DATA, GUESSES, GRID, groups).to_json()
    within = None if groups is None else np.array(groups)[WRONG]
    (only,) = value["effects"]
    assert (value["n"], value["of"], only["vector"]) == (6, 12, "positive")
    assert only["effect"] == pytest.approx(mean_interval(GAIN[WRONG], groups=within).to_json())


def test_the_page_and_the_terminal_say_it_with_n_and_interval():
    result = misread(DATA, GUESSES, GRID)
    (table,) = result.tables(grid_arms(GRID))
    assert table.rows[0][-2].startswith("+0.073")
    assert table.rows[0][-1].startswith("+1.036")
    assert "6 of 12" in table.note
    (line,) = result.lines
    assert line.startswith("The vector alone where words mislead (n = 6): +0.073")


def test_where_no_item_is_guessed_wrong_nothing_is_shown():
    result = misread(DATA, WordGuesses({item.id: 1.0 for item in DATA}), GRID)
    assert result.to_json() == {"n": 0, "of": 12, "effects": []}
    assert result.tables(grid_arms(GRID)) == result.lines == []
    assert misread(DATA, None, GRID) is None
