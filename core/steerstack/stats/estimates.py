"""What is estimated of arms on the same items: means, differences and interactions, each with its interval."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from steerstack.errors import StudyError
from steerstack.stats.estimate import FEW, LEVEL, TOO_FEW, Estimate, finite
from steerstack.stats.intervals import mean_interval, proportion_interval

__all__ = [
    "FEW", "LEVEL", "TOO_FEW", "Estimate", "contrast", "difference", "finite", "interaction", "mean", "mean_interval",
    "needed_n", "probability", "proportion_interval", "share", "sigmoid",
]  # fmt: skip

mean = mean_interval


def share(outcomes: ArrayLike, *, groups: ArrayLike | None = None, level: float = LEVEL) -> Estimate:
    """Share of items that are 1, from one outcome of 0 or 1 an item.

    With the exact interval of independent items; of items in clusters (``groups``), the wider one of that and of the
    cluster-robust interval of the mean, which stays between 0 and 1.

    Raises
    ------
    StudyError
        An outcome is neither.
    """
    values = np.asarray(outcomes, dtype=np.float64)
    if not np.all((values == 0) | (values == 1)):
        raise StudyError("A share is one of outcomes that are 0 or 1.", seen=f"{values[:5].tolist()} ...")
    exact = proportion_interval(float(values.sum()), len(values), level=level)
    if groups is None or not len(values):
        return exact
    wide = probability(values, groups=groups, level=level)
    return replace(wide, ci_low=min(exact.ci_low, wide.ci_low), ci_high=max(exact.ci_high, wide.ci_high))


def probability(values: ArrayLike, *, groups: ArrayLike | None = None, level: float = LEVEL) -> Estimate:
    """Mean of probabilities, with an interval that stays between 0 and 1."""
    estimate = mean_interval(values, groups=groups, level=level)
    return replace(estimate, ci_low=max(0.0, estimate.ci_low), ci_high=min(1.0, estimate.ci_high))


def difference(
    after: ArrayLike, before: ArrayLike, *, groups: ArrayLike | None = None, at: Sequence[int] | None = None
) -> Estimate:
    """Mean of the paired differences between two arms on the same items, or on those at some places alone."""
    apart = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    if at is None:
        return mean_interval(apart, groups=groups)
    return mean_interval(apart[list(at)], groups=None if groups is None else np.asarray(groups)[list(at)])


def interaction(
    both: ArrayLike, first: ArrayLike, second: ArrayLike, neither: ArrayLike, *, groups: ArrayLike | None = None
) -> Estimate:
    """Difference in differences on the same items: ``both - first - second + neither``.

    Zero where the two techniques add up on this scale, of the sign of their effects where
    they reinforce each other, of the other sign where one takes from the other.
    """
    return mean_interval(contrast(both, first, second, neither), groups=groups)


def contrast(both: ArrayLike, first: ArrayLike, second: ArrayLike, neither: ArrayLike) -> NDArray[np.float64]:
    """The difference in differences of each item."""
    parts = [np.asarray(part, dtype=np.float64) for part in (both, first, second, neither)]
    return parts[0] - parts[1] - parts[2] + parts[3]


def sigmoid(log_odds: ArrayLike) -> NDArray[np.float64]:
    """Logistic function of log-odds in nats; the share of one answer among two where they are those of answers."""
    return np.asarray(special.expit(np.asarray(log_odds, dtype=np.float64)))


def needed_n(values: Sequence[float] | NDArray[np.float64], effect: float) -> int | None:
    """How many items would resolve an effect of this size from zero at 95 % (normal theory), with power 80 %."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    if not effect or not math.isfinite(spread):
        return None
    return math.ceil(((1.96 + 0.84) * spread / abs(effect)) ** 2)
