"""The answer of a stacking study, computed anew from its items: the sentence, the table and the figure of a page.

Nothing here reads an estimate that the run wrote down. What is read of the run besides its items is which of them
belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.report.words import sum_up
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.study.null_test import NEEDED, NullTest
from steerstack.study.stack.grid import ALONE, BARE, Cell, interactions, quadruples
from steerstack.study.stack.words import OnTop, alone_words, arm_words, on_top

if TYPE_CHECKING:
    import pandas as pd

    from steerstack_plugins.evidence.claim_folder import Finding

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
class StackAnswer:
    """What the items say.

    Attributes
    ----------
    sentence:
        The answer.
    resolved:
        Whether effect and nulls bear a claim.
    rows:
        Every arm beside the bare model.
    test:
        The vector's mean effect beside each null's, on the items that all nulls share.
    combined:
        What the vector still does on top of each of the others.
    """

    sentence: str
    resolved: bool
    rows: Sequence[StackRow]
    test: NullTest
    combined: Sequence[OnTop]

    def effect(self, cell: Cell) -> Estimate | None:
        """What one arm does; None where it was not measured."""
        return next((row.effect for row in self.rows if row.cell == cell), None)


def answer(finding: Finding) -> StackAnswer:
    """What the items of a stacking study say."""
    frame, behavior = finding.frame, str(finding.run["behavior"])
    mask = frame["vector"].isin(_SIDES)
    arms, others = frame[mask], frame[~mask]
    items = list(dict.fromkeys(arms["item"]))
    grid = _grid(arms, items)
    labels = finding.run["clusters"]["test"]
    groups = None if labels is None else [labels[item] for item in items]
    bare = grid[BARE]
    rows = [
        StackRow(cell, estimates.difference(of.log_odds, bare.log_odds, groups=groups))
        for cell, of in grid.items()
        if cell != BARE
    ]
    alone = next(row.effect for row in rows if row.cell == ALONE)
    test = _nulls(others, arms)
    combinations = on_top(interactions(quadruples(grid), margin=finding.run["study"]["margin"], groups=groups))
    sentence = sum_up([alone_words(behavior, alone, test)], alone.n)
    return StackAnswer(sentence, test.claims and alone.bears_claim, rows, test, combinations)


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
    positive = first[first["vector"] == "positive"].set_index("item")["log_odds"]
    nulls = {str(name): rows.set_index("item")["log_odds"] for name, rows in others.groupby("vector", sort=False)}
    nulls = {name: values for name, values in nulls.items() if name.startswith(tuple(f"{one} " for one in NEEDED))}
    items = [item for item in bare.index if all(item in values.index for values in nulls.values())]

    def effect(values: pd.Series) -> float:
        return float(np.mean(values.loc[items] - bare.loc[items]))

    effects = {
        family: [effect(values) for name, values in nulls.items() if name.startswith(f"{family} ")] for family in NEEDED
    }
    return NullTest(effect(positive), effects)
