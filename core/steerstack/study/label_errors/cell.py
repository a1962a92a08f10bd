"""One technique under one labeller's labels: how much of its effect is left, and whether it learnt the error."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike, NDArray

from steerstack.report.words import share
from steerstack.stats.estimate import LEVEL, TOO_FEW, Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.stats.ratio import two_way_ratio

Effects = Float[NDArray[np.float64], "seed item"]
"""Paired effects of one technique against the bare model, in nats (per token where scored by text)."""

TRUE = "true labels"
"""Who labels in the arm that all others are held against."""

Kept = Literal["keeps its effect", "loses part of it", "turns round", "not resolved"]
Learnt = Literal["learns the error", "does not learn the error", "not resolved", "cannot be told"]


@dataclass(frozen=True)
class LabelCell:
    """One technique under one labeller's labels at one share of wrong ones.

    Attributes
    ----------
    technique, labeller, asked, share:
        Which; the share of wrong labels that was asked for, and the one that there was.
    effect:
        Effect on the test items, against true labels.
    recovered:
        Performance gap recovered: the effect over that of true labels, with Fieller's interval; bounds are infinite
        where the effect of true labels cannot be told from none.
    bias:
        What wrong labels cost on items of the kind that the labeller gets wrong, minus what they cost on others; None
        where the test items are all of one kind.
    kept, learnt:
        What both say at the study's margin, with intervals that allow for the number of cells.
    """

    technique: str
    labeller: str
    asked: float
    share: float
    effect: Estimate
    recovered: Estimate
    bias: Estimate | None
    kept: Kept
    learnt: Learnt

    @property
    def sentence(self) -> str:
        """In words, what was found."""
        head = f"{self.technique} with {self.share:.0%} of its labels wrong by {self.labeller}"
        if not math.isfinite(self.recovered.ci_low):
            return f"{head}: true labels have no measurable effect, so there is nothing to keep."
        much = f"{share(self.recovered)} of what true labels give"
        resolved = {"not resolved": "whether it keeps its effect is not resolved"}.get(self.kept, f"it {self.kept}")
        if self.bias is None or self.learnt == "cannot be told":
            return f"{head}: {resolved} ({much})."
        more = f"where that labeller errs, wrong labels cost {self.bias} more than elsewhere"
        lesson = {"not resolved": "whether it learns the error is not resolved"}.get(self.learnt, f"it {self.learnt}")
        return f"{head}: {resolved} ({much}), and {lesson} ({more})."

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {
            "technique": self.technique,
            "labeller": self.labeller,
            "asked": self.asked,
            "wrong": self.share,
            "effect": self.effect.to_json(),
            "recovered": self.recovered.to_json(),
            "bias": self.bias and self.bias.to_json(),
            "kept": self.kept,
            "learnt": self.learnt,
        }


def cell(
    technique: str, labeller: str, asked: float, share: float, *,
    mistaken: Effects, true: Effects, errs_on: Bool[NDArray[np.bool_], " item"], margin: float, comparisons: int,
    groups: ArrayLike | None = None,
) -> LabelCell:  # fmt: skip
    """What one technique makes of wrong labels.

    Parameters
    ----------
    mistaken, true:
        Its effects by the same seeds on the same test items, fitted on wrong and on true labels.
    errs_on:
        The test items of the kind that the labeller gets wrong.
    margin:
        Share of the effect of true labels whose loss counts.
    comparisons:
        Cells that verdicts are said of: their intervals cover together (Bonferroni).
    groups:
        The items' clusters.
    """
    level = 1 - (1 - LEVEL) / comparisons
    recovered, strict = (two_way_ratio(mistaken, true, groups=groups, level=of) for of in (LEVEL, level))
    parts = [split_loss(true - mistaken, errs_on, groups, of) for of in (LEVEL, level)]
    room = margin * abs(float(true.mean()))
    return LabelCell(
        technique, labeller, asked, share, two_way(mistaken, groups=groups), recovered, parts[0],
        _kept(strict, margin), _learnt(parts[1], room, errs_on),
    )  # fmt: skip


def split_loss(
    loss: Effects, errs_on: Bool[NDArray[np.bool_], " item"], groups: ArrayLike | None = None, level: float = LEVEL
) -> Estimate | None:
    """Mean loss on the marked items minus that on the others, with an interval for other seeds and items.

    Each item's distance from the mean of its own kind is weighted by the number of all items over that of its kind:
    means over seeds and over items are then those of the difference, and so are their variances.
    """
    kinds = (errs_on, ~errs_on)
    if min(int(kind.sum()) for kind in kinds) < 2:
        return None
    values = np.zeros_like(loss)
    gap = float(loss[:, errs_on].mean() - loss[:, ~errs_on].mean())
    for kind, sign in zip(kinds, (1, -1), strict=True):
        part = loss[:, kind]
        values[:, kind] = gap + sign * loss.shape[1] / kind.sum() * (part - part.mean())
    return two_way(values, groups=groups, level=level)


def _kept(recovered: Estimate, margin: float) -> Kept:
    if not math.isfinite(recovered.ci_low):
        return "not resolved"
    if recovered.ci_low > 1 - margin:
        return "keeps its effect"
    if recovered.ci_high < 0:
        return "turns round"
    return "loses part of it" if recovered.ci_high < 1 - margin else "not resolved"


def _learnt(bias: Estimate | None, room: float, errs_on: Bool[NDArray[np.bool_], " item"]) -> Learnt:
    if bias is None or min(int(errs_on.sum()), int((~errs_on).sum())) < TOO_FEW:
        return "cannot be told"
    if bias.ci_low > 0:
        return "learns the error"
    return "does not learn the error" if -room < bias.ci_low and bias.ci_high < room else "not resolved"
