"""What the items of a stacking study say of its vector: alone, beside its nulls, and on top of the rest.

What is read of the run besides its items is which of them belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.report.answer import Answer, ItemFrame
from steerstack.report.page import Table, foot, interval
from steerstack.report.plot import NULLS, VECTOR, Plot, bare_line, line
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.study.null_test import LEAST, NEEDED, NullTest
from steerstack.study.stack.grid import ALONE, BARE, Cell, interactions, quadruples
from steerstack.study.stack.words import OnTop, alone_words, arm_words, on_top

if TYPE_CHECKING:
    import pandas as pd

    from steerstack.study.stack.study import Stack

_SIDES = ("negative", "none", "positive")


@dataclass(frozen=True)
class StackRow:
    """One arm beside the bare model.

    Attributes
    ----------
    cell:
        What was done to the model.
    effect:
        Difference in mean log-odds per item, in nats (per token for text), paired.
    """

    cell: Cell
    effect: Estimate

    @property
    def label(self) -> str:
        """What was done to the model, in words."""
        return arm_words(self.cell)


@dataclass(frozen=True)
class StackAnswer(Answer):
    """What the items say.

    Attributes
    ----------
    behavior:
        What the vector is to move.
    rows:
        Every arm beside the bare model.
    test:
        The vector's mean effect beside each null's, on the items that all nulls share.
    combined:
        What the vector still does on top of each of the others.
    against:
        Share of items whose log-odds fall from the negative vector over none to the positive one, by the slope of a
        straight line (Tan et al. 2024, arXiv 2407.12404, "anti-steerable"); None where one of both was not measured.
    """

    behavior: str
    rows: Sequence[StackRow]
    test: NullTest
    combined: Sequence[OnTop]
    against: Estimate | None = None

    @classmethod
    def of(cls, study: Stack, items: ItemFrame) -> StackAnswer:
        """The answer of a study from its items."""
        mask = items.frame["vector"].isin(_SIDES)
        arms, others = items.frame[mask], items.frame[~mask]
        names = list(dict.fromkeys(arms["item"]))
        grid, groups = _grid(arms, names), items.groups(names)
        bare = grid[BARE]
        rows = [
            StackRow(cell, estimates.difference(of.log_odds, bare.log_odds, groups=groups))
            for cell, of in grid.items()
            if cell != BARE and cell.listed
        ]
        combined = on_top(interactions(quadruples(grid), margin=study.margin, groups=groups))
        sides = [grid.get(Cell("none", side)) for side in ("negative", "positive")]
        low, high = (of.log_odds if of else None for of in sides)
        against = None if low is None or high is None else estimates.share(high < low, groups=groups)
        return cls(items.behavior, rows, _nulls(others, arms), combined, against)

    def effect(self, cell: Cell) -> Estimate | None:
        """What one arm does; None where it was not measured."""
        return next((row.effect for row in self.rows if row.cell == cell), None)

    @property
    def alone(self) -> Estimate:
        """What the vector does alone."""
        return next(row.effect for row in self.rows if row.cell == ALONE)

    @property
    def resolved(self) -> bool:
        """Whether effect and nulls bear a claim."""
        return self.test.claims and self.alone.bears_claim

    @property
    def n(self) -> int:
        """Number of test items."""
        return self.alone.n

    @property
    def sentences(self) -> list[str]:
        """What the vector does alone, beside its nulls."""
        return [alone_words(self.behavior, self.alone, self.test)]

    @property
    def lead(self) -> list[str]:
        """The same."""
        return self.sentences

    @property
    def would_change(self) -> str:
        """What would take a claim back, or bear one."""
        if self.resolved:
            return (
                "An interval that reaches zero on other items of the same kind, a null that does as much, or a model "
                "on which another layer is chosen and the effect is gone."
            )
        smallest = min((len(nulls) for nulls in self.test.nulls.values()), default=0)
        few = f" With {smallest} nulls of a family no effect of any size could be claimed."
        more = "" if smallest >= LEAST else few
        return f"More items, where the interval is wide; a stronger or better vector, where the nulls do as much.{more}"

    @property
    def plots(self) -> list[Plot]:
        """Every arm with its interval, and the nulls beside the vector."""
        count, nulls = len(self.rows), self.test.nulls
        lines = [line("arms", range(count), [row.effect for row in self.rows], color=VECTOR)]
        for place, of in enumerate(nulls.values(), start=count):
            lines.append(bare_line("nulls", [place] * len(of), of, color=NULLS, style="faint"))
            lines.append(
                bare_line("the vector, on their items", [place], [self.test.effect], color=VECTOR, style="faint")
            )
        names = [f"{row.label} (n = {row.effect.n})" for row in self.rows]
        names += [f"{family} (N = {len(of)})" for family, of in nulls.items()]
        caption = (
            f"Each grey mark is one null, on the test items that all nulls share; the mark beside them is the vector "
            f"on these items ({self.test.effect:+.3f})."
        )
        caption = caption if any(nulls.values()) else ""
        below = foot(self.alone.n, "locked test items", "nats per token")
        what = "difference from the bare model (nats per token)"
        return [Plot("arms", "Effects with 95 % intervals, beside the nulls", "", what, lines, caption=caption,
                     categories=names, foot=below)]  # fmt: skip

    @property
    def tables(self) -> list[Table]:
        """Every arm, and what the vector adds to the others."""
        arms = [[row.label, str(row.effect), str(row.effect.n)] for row in self.rows]
        rows = [[one.other, interval(one.adds), one.kept or "not known", one.verdict] for one in self.combined]
        columns = ["arm", "effect and 95 % interval (nats per token)", "n"]
        tables = [Table("Every arm beside the bare model", columns, arms)]
        added = ["on top of", "what the vector adds", "share of its effect alone", "verdict"]
        return [*tables, Table("On top of the rest", added, rows)] if rows else tables


def _grid(arms: pd.DataFrame, items: Sequence[str]) -> dict[Cell, ArmValues]:
    keys = ["prompt", "vector", "finetune", "vector_origin"]
    grid: dict[Cell, ArmValues] = {}
    for (prompt, vector, finetune, origin), rows in arms.groupby(keys, sort=False):
        there = rows.set_index("item").loc[list(items)]
        cell: Any = (prompt, vector, finetune, origin)
        grid[Cell(*cell)] = ArmValues(there["log_odds"].to_numpy(float), there["probability"].to_numpy(float), 0)
    return grid


def _nulls(others: pd.DataFrame, arms: pd.DataFrame) -> NullTest:
    """The vector's mean effect beside each null's, on the items that all nulls share."""
    first = arms[(arms["prompt"] == "none") & (arms["finetune"] == "none") & (arms["vector_origin"] == "transferred")]
    bare = first[first["vector"] == "none"].set_index("item")["log_odds"]
    steered = first[first["vector"] == "positive"].set_index("item")["log_odds"]
    nulls = {str(name): rows.set_index("item")["log_odds"] for name, rows in others.groupby("vector", sort=False)}
    nulls = {name: values for name, values in nulls.items() if name.startswith(tuple(f"{one} " for one in NEEDED))}
    items = [item for item in bare.index if all(item in values.index for values in nulls.values())]

    def effect(values: pd.Series) -> float:
        return float(np.mean(values.loc[items] - bare.loc[items]))

    effects = {
        family: [effect(values) for name, values in nulls.items() if name.startswith(f"{family} ")] for family in NEEDED
    }
    return NullTest(effect(steered), effects)
