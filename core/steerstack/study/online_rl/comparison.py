"""What is said of rewards: whether a technique moves the mean reward, and which of two moves it further."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from steerstack.stats.comparisons import ALPHA, corrected
from steerstack.stats.estimate import TOO_FEW, Estimate
from steerstack.stats.intervals import mean_interval
from steerstack.stats.learning_curves import two_way, two_way_p
from steerstack.util.numbers import signed

Gains = Float[NDArray[np.float64], "seed item"]
"""Rewards of a technique minus those of the bare model, by seed and item, in units of the reward."""

Outcome = Literal["higher", "lower", "as good", "not resolved"]


@dataclass(frozen=True)
class Comparison:
    """The mean reward of one technique against that of another, or of the bare model.

    Attributes
    ----------
    first, second:
        Which; an empty ``second`` is the bare model.
    on:
        Name of the test set.
    gap:
        First minus second, with its 95 % interval over seeds and items.
    p, p_corrected:
        Two-sided, and after Holm's correction for all comparisons of the study.
    outcome:
        ``as good`` where an interval that allows for the number of comparisons (Bonferroni) lies within the margin;
        ``higher`` or ``lower`` where it does not, and the corrected p says so; else ``not resolved``.
    """

    first: str
    second: str
    on: str
    gap: Estimate
    p: float
    p_corrected: float
    outcome: Outcome

    @property
    def sentence(self) -> str:
        """In words."""
        if not self.second:
            verbs = {
                "higher": "raises the mean reward",
                "lower": "lowers the mean reward",
                "as good": "leaves the mean reward as it was",
                "not resolved": "is not shown to move the mean reward",
            }
            return f"{self.first} {verbs[self.outcome]} ({self.gap})."
        verbs = {
            "higher": "earns more than",
            "lower": "earns less than",
            "as good": "earns as much as",
            "not resolved": "and",
        }
        tail = ": which earns more is not resolved" if self.outcome == "not resolved" else ""
        return f"{self.first} {verbs[self.outcome]} {self.second}{tail} ({self.gap})."

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {**vars(self), "gap": self.gap.to_json()}


def compare(
    gains: Mapping[tuple[str, str], Gains], pairs: list[tuple[str, str]], *, margin: float,
    groups: Mapping[str, ArrayLike | None],
) -> list[Comparison]:  # fmt: skip
    """Every technique against the bare model, and the named pairs, on every test set; all are one family.

    Parameters
    ----------
    gains:
        By technique and test set.
    pairs:
        Techniques by name: the first against the second.
    margin:
        In units of the reward.
    groups:
        The items' clusters by test set.
    """
    tests = {(name, "", on): values for (name, on), values in gains.items()}
    for first, second in pairs:
        for on in dict.fromkeys(test for _, test in gains):
            tests[first, second, on] = gains[first, on] - gains[second, on]
    p = {" / ".join(key): two_way_p(values, groups=groups[key[2]]) for key, values in tests.items()}
    holm = corrected(p)
    comparisons = []
    for key, values in tests.items():
        first, second, on = key
        test = holm[" / ".join(key)]
        within = two_way(values, groups=groups[on], level=1 - ALPHA / len(tests))
        enough = values.shape[1] >= TOO_FEW
        outcome: Outcome = "not resolved"
        if enough and -margin < within.ci_low and within.ci_high < margin:
            outcome = "as good"
        elif enough and test["holds"]:
            outcome = "higher" if values.mean() > 0 else "lower"
        gap = two_way(values, groups=groups[on])
        comparisons.append(Comparison(first, second, on, gap, float(test["p"]), float(test["p_corrected"]), outcome))
    return comparisons


def moves_choices_only(
    moved: Gains, earned: Gains, against_bare: Comparison, *,
    margin: float, comparisons: int = 1, groups: ArrayLike | None = None,
) -> bool:  # fmt: skip
    """Whether a technique moves the log-odds of given answers, and not what is answered when it speaks.

    Both are said where they hold for other seeds, or for every fit that was made by its own interval over the items:
    fits that are all alike leave open how often another one would differ, but not what these do. Items that gain as
    much as others lose are not the same text: what an item gains, over seeds, lies within the margin in the mean size
    as well.

    Parameters
    ----------
    moved:
        Its effects on log-odds (nats), by seed and item.
    earned:
        The mean reward of its own answers minus that of the bare model's, likewise.
    against_bare:
        What is said of ``earned`` for other seeds.
    margin:
        In units of the reward.
    comparisons:
        Techniques of which it is asked; intervals allow for their number (Bonferroni).
    groups:
        The items' clusters.
    """
    if earned.shape[1] < TOO_FEW or np.abs(earned.mean(0)).mean() >= margin:
        return False
    level = 1 - ALPHA / max(1, comparisons)
    odds, reward = ([mean_interval(row, groups=groups, level=level) for row in of] for of in (moved, earned))
    one_way = all(of.ci_low > 0 for of in odds) or all(of.ci_high < 0 for of in odds)
    still = all(-margin < of.ci_low and of.ci_high < margin for of in reward)
    moves = one_way or two_way(moved, groups=groups, level=level).excludes_zero
    return moves and (still or against_bare.outcome == "as good")


def on_choices(name: str, on: str, moved: Gains, earned: Gains, *, groups: ArrayLike | None = None) -> str:
    """That a technique moves choices and not text on some test items, in words; values as of the rule above."""
    low, high = (signed(float(bound)) for bound in (moved.mean(1).min(), moved.mean(1).max()))
    over_seeds = two_way(moved, groups=groups)
    by = over_seeds if over_seeds.excludes_zero else f"{low} to {high}, by seed"
    return (
        f"{name} moves choices, not text: on {on} items log-odds by {by}; its own answers earn what the bare model's "
        f"do on {np.mean(earned == 0):.0%} of the items, and their mean reward moves by {signed(float(earned.mean()))}."
    )
