"""Effects on the items whose words mislead: there, tone and vocabulary point at the other answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steerstack.data.items import DataSet
from steerstack.data.words import WordGuesses
from steerstack.report.page import Table, interval
from steerstack.stats import estimates
from steerstack.stats.estimate import Estimate
from steerstack.study.stack.grid import ALONE, BARE, Cell, Grid, GridArm


@dataclass(frozen=True)
class Misread:
    """The effect of every arm on the n test items, of so many, that a word classifier gets wrong."""

    n: int
    of: int
    effects: Mapping[Cell, Estimate]

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        effects = [{**cell.about, "effect": effect.to_json()} for cell, effect in self.effects.items()]
        return {"n": self.n, "of": self.of, "effects": effects}

    def tables(self, arms: Sequence[GridArm]) -> list[Table]:
        """The effects on those items beside those on all."""
        if not self.effects:
            return []
        rows = [[*arm.cell.about.values(), interval(self.effects[arm.cell]), interval(arm.effect)]
                for arm in arms if arm.cell in self.effects]  # fmt: skip
        note = (
            f"The {self.n} of {self.of} test items of which a classifier that sees the words of the answers alone "
            "picks the other answer. An effect that is gone here may be one on tone and vocabulary."
        )
        columns = ["fine-tune", "vector from", "prompt", "vector", "effect on these", "effect on all"]
        return [Table("Where words mislead", columns, rows, note)]

    @property
    def lines(self) -> list[str]:
        """The vector alone on those items, in a line; none where there are no such items."""
        if ALONE not in self.effects:
            return []
        return [f"The vector alone where words mislead (n = {self.n}): {interval(self.effects[ALONE])}."]


def misread(
    data: DataSet, guesses: WordGuesses | None, grid: Grid, groups: Sequence[int] | None = None
) -> Misread | None:
    """Effects on the test items that a word classifier gets wrong; None where nothing was guessed.

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
    cells = [cell for cell in grid if at and cell != BARE]
    effects = {cell: estimates.difference(grid[cell].log_odds, bare, groups=groups, at=at) for cell in cells}
    return Misread(len(at), len(data), effects)
