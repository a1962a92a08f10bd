"""What is said of trait and skill: whether an arm moves them against another, and which way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from steerstack.stats.comparisons import ALPHA, corrected
from steerstack.stats.estimate import TOO_FEW, Estimate
from steerstack.stats.learning_curves import two_way, two_way_p

Shifts = Float[NDArray[np.float64], "seed item"]
"""Log-odds of one arm minus those of another, by seed and item (nats; per token where scored by text)."""

Moved = Literal["higher", "lower", "unmoved", "not resolved"]

_SAID: dict[Moved, str] = {
    "higher": "raises the {}",
    "lower": "lowers the {}",
    "unmoved": "leaves the {} as it was",
    "not resolved": "is not shown to move the {}",
}


@dataclass(frozen=True)
class MeasuredShift:
    """The log-odds of trait or skill under one arm against another.

    Attributes
    ----------
    arm, against:
        Which; ``against`` is the bare model for plain training, and plain training for all else.
    on:
        ``trait`` or ``skill``.
    gap:
        Arm minus the other, with its 95 % interval over seeds and items.
    p, p_corrected:
        Two-sided, and after Holm's correction for all comparisons of the study.
    outcome:
        ``unmoved`` where an interval that allows for the number of comparisons (Bonferroni) lies within the margin;
        ``higher`` or ``lower`` where it does not, and the corrected p says so; else ``not resolved``.
    """

    arm: str
    against: str
    on: str
    gap: Estimate
    p: float
    p_corrected: float
    outcome: Moved

    @property
    def clause(self) -> str:
        """In words, without a subject."""
        return f"{_SAID[self.outcome].format(self.on)} ({self.gap})"

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {**vars(self), "gap": self.gap.to_json()}


def shifts(
    moved: Mapping[tuple[str, str, str], Shifts], *, margin: float, groups: Mapping[str, ArrayLike | None]
) -> list[MeasuredShift]:
    """What is said of each comparison; all are one family.

    Parameters
    ----------
    moved:
        By arm, what it is held against, and ``trait`` or ``skill``.
    margin:
        In nats (per token where scored by text).
    groups:
        The items' clusters, for ``trait`` and for ``skill``.
    """
    p = {"/".join(key): two_way_p(values, groups=groups[key[2]]) for key, values in moved.items()}
    holm, comparisons = corrected(p), []
    for (arm, against, on), values in moved.items():
        test = holm[f"{arm}/{against}/{on}"]
        within = two_way(values, groups=groups[on], level=1 - ALPHA / len(moved))
        outcome: Moved = "not resolved"
        if values.shape[1] >= TOO_FEW and -margin < within.ci_low and within.ci_high < margin:
            outcome = "unmoved"
        elif values.shape[1] >= TOO_FEW and test["holds"]:
            outcome = "higher" if values.mean() > 0 else "lower"
        gap = two_way(values, groups=groups[on])
        comparisons.append(MeasuredShift(arm, against, on, gap, float(test["p"]), float(test["p_corrected"]), outcome))
    return comparisons


def nothing_to_prevent(plain: MeasuredShift) -> str:
    """What to say where plain training is not shown to raise the trait; empty where it does raise it.

    Without a trait that training teaches, an arm that keeps it low prevents nothing.

    Parameters
    ----------
    plain:
        The trait under plain training against the bare model.
    """
    if plain.outcome == "higher":
        return ""
    tail = "what is said of the other arms is how they differ from it, and not what they prevent."
    if plain.outcome == "not resolved":
        return f"Whether plain training teaches the trait is not resolved: {tail}"
    return f"Plain training did not teach the trait, so there was nothing to prevent: {tail}"
