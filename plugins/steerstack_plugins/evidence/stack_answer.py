"""The answer of a stacking study, computed anew from its items: the sentence, the table and the figure of a page.

Nothing here reads an estimate that the run wrote down. What is read of the run besides its items is which of them
belong together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.report.page import interval
from steerstack.report.words import caveat, share
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.study.null_test import NEEDED, NullTest
from steerstack.study.stack.grid import Cell, interactions_json, quadruples

if TYPE_CHECKING:
    import pandas as pd

    from steerstack_plugins.evidence.finding import Finding

_SIDES = ("negative", "none", "positive")
_SIGNS = {"negative": "−", "positive": "+", "none": "none", "few-shot": "demonstrations"}


@dataclass(frozen=True)
class StackRow:
    """One arm beside the bare model.

    Attributes
    ----------
    label:
        What was done to the model.
    effect:
        Difference in mean log-odds per item, in nats (per token for text), paired.
    vector:
        Whether the vector took part.
    """

    label: str
    effect: Estimate
    vector: bool


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
    nulls:
        Mean effect of each null on the items that all nulls share, by family.
    beside:
        The vector's effect on these items.
    combined:
        Each combination: what with what, its verdict, what the vector adds there, and the share that it keeps.
    """

    sentence: str
    resolved: bool
    rows: Sequence[StackRow]
    nulls: Mapping[str, Sequence[float]]
    beside: float
    combined: Sequence[tuple[str, str, str, str]]


def answer(finding: Finding) -> StackAnswer:
    """What the items of a stacking study say."""
    frame, behavior = finding.frame, str(finding.run["behavior"])
    known = frame["vector"].isin(_SIDES)
    arms, others = frame[known], frame[~known]
    items = list(dict.fromkeys(arms["item"]))
    grid = _grid(arms, items)
    labels = finding.run["clusters"]["test"]
    groups = None if labels is None else [labels[item] for item in items]
    bare = grid[Cell("none", "none")]
    alone = estimates.difference(grid[Cell("none", "positive")].log_odds, bare.log_odds, groups=groups)
    nulls, beside = _nulls(others, arms)
    test = NullTest(beside, nulls)
    combined = [
        _combination(entry)
        for entry in interactions_json(quadruples(grid), margin=finding.run["study"]["margin"], groups=groups)
        if (entry["scale"], entry["direction"]) == ("log-odds", "positive") and entry["of"][0] == "vector"
    ]
    rows = [
        StackRow(_label(cell), estimates.difference(of.log_odds, bare.log_odds, groups=groups), cell.vector != "none")
        for cell, of in grid.items()
        if cell != Cell("none", "none")
    ]
    words = f"{_head(alone, test)} {behavior}: {alone} nats per token (n = {alone.n}). {test.sentence}"
    few = caveat(alone.n)
    return StackAnswer(f"{words} {few}".strip(), test.claims and alone.bears_claim, rows, nulls, beside, combined)


def _head(alone: Estimate, test: NullTest) -> str:
    if not alone.bears_claim:
        return "The vector alone has no measurable effect on"
    if not test.enough:
        return "For want of nulls nothing is claimed of the vector alone on"
    if not test.claims:
        return "The nulls do as much as the vector alone does on"
    return "The vector alone raises" if alone.value > 0 else "Against its sign, the vector alone lowers"


def _grid(arms: pd.DataFrame, items: Sequence[str]) -> dict[Cell, ArmValues]:
    keys = ["prompt", "vector", "finetune", "vector_origin"]
    grid: dict[Cell, ArmValues] = {}
    for (prompt, vector, finetune, origin), rows in arms.groupby(keys, sort=False):
        there = rows.set_index("item").loc[list(items)]
        cell: Any = (prompt, vector, finetune, origin)
        grid[Cell(*cell)] = ArmValues(there["log_odds"].to_numpy(float), there["probability"].to_numpy(float), 0)
    return grid


def _nulls(others: pd.DataFrame, arms: pd.DataFrame) -> tuple[dict[str, list[float]], float]:
    """Each null's mean effect by family, and the vector's on the same items."""
    first = arms[(arms["prompt"] == "none") & (arms["finetune"] == "none") & (arms["vector_origin"] == "transferred")]
    bare = first[first["vector"] == "none"].set_index("item")["log_odds"]
    steered = first[first["vector"] == "positive"].set_index("item")["log_odds"]
    found: dict[str, list[float]] = {family: [] for family in NEEDED}
    shared: list[str] = list(bare.index)
    for name, rows in others.groupby("vector", sort=False):
        values = rows.set_index("item")["log_odds"]
        for family in NEEDED:
            if str(name).startswith(f"{family} "):
                shared = list(values.index)
                found[family].append(float(np.mean(values - bare.loc[shared])))
    return found, float(np.mean(steered.loc[shared] - bare.loc[shared]))


def _label(cell: Cell) -> str:
    parts = [] if cell.finetune == "none" else [cell.finetune]
    if cell.prompt != "none":
        parts.append("demonstrations" if cell.prompt == "few-shot" else f"prompt {_SIGNS[cell.prompt]}")
    if cell.vector != "none":
        refitted = " refitted" if cell.origin == "refitted" else ""
        parts.append(f"vector {_SIGNS[cell.vector]}{refitted}")
    return ", ".join(parts) or "bare model"


def _combination(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    on = {"prompt": "the prompt", "few-shot": "demonstrations"}.get(entry["of"][1], entry["of"][1])
    more = f" on {entry['finetune']}" if "finetune" in entry else ""
    origin = f" ({entry['vector_origin']})" if "vector_origin" in entry else ""
    kept = "not known" if entry["retained"]["ci_low"] is None else share(entry["retained"])
    return f"{on}{more}{origin}", str(entry["verdict"]), interval(entry["first_on_top"]), kept
