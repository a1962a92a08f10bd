"""Effects on the items whose words mislead: there, tone and vocabulary point at the other answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.data.items import DataSet
from steerstack.data.words import WordGuesses
from steerstack.report.page import Table, interval
from steerstack.stats import estimates
from steerstack.study.stack.grid import ALONE, BARE, Grid


def misread_json(
    data: DataSet, guesses: WordGuesses | None, grid: Grid, groups: Sequence[int] | None = None
) -> dict[str, Any] | None:
    """The effect of every arm on the test items that a word classifier gets wrong; None where nothing was guessed.

    Parameters
    ----------
    data, grid:
        The test items, and every arm on them.
    guesses:
        What the words of the answers alone give away.
    groups:
        The cluster of each item.
    """
    if guesses is None:
        return None
    at, bare = guesses.misread(data), grid[BARE].log_odds
    effects = [
        {**cell.about, "effect": estimates.difference(values.log_odds, bare, groups=groups, at=at).to_json()}
        for cell, values in grid.items()
        if at and cell != BARE
    ]
    return {"n": len(at), "of": len(data), "effects": effects}


def misread_table(value: Mapping[str, Any]) -> list[Table]:
    """The effects on those items beside those on all."""
    found = value["misread"]
    if not found or not found["effects"]:
        return []
    named = ("finetune", "vector_origin", "prompt", "vector")
    whole = {tuple(arm[name] for name in named): arm["effect"] for arm in value["arms"]}
    arms = [(tuple(arm[name] for name in named), arm["effect"]) for arm in found["effects"]]
    rows = [[*arm, interval(effect), interval(whole[arm])] for arm, effect in arms]
    note = (
        f"The {found['n']} of {found['of']} test items of which a classifier that sees the words of the answers alone "
        "picks the other answer. An effect that is gone here may be one on tone and vocabulary."
    )
    columns = ["fine-tune", "vector from", "prompt", "vector", "effect on these", "effect on all"]
    return [Table("Where words mislead", columns, rows, note)]


def misread_line(value: Mapping[str, Any]) -> list[str]:
    """The vector alone on those items, in a line."""
    found = value["misread"]
    return [
        f"The vector alone where words mislead (n = {found['n']}): {interval(arm['effect'])}."
        for arm in (found["effects"] if found else ())
        if all(arm[name] == level for name, level in ALONE.about.items())
    ]
