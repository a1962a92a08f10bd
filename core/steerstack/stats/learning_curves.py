"""Curves of effect against sample size: bands, areas and crossings that hold for new seeds and new items."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from scipy import special

from steerstack.errors import StudyError
from steerstack.stats.estimate import LEVEL, Estimate, finite
from steerstack.stats.intervals import SAME, mean_interval, mean_p, quantile, spread_of_mean

SEEDS = 10
"""Seeds below which two curves are not compared in words."""

Effects = Float[NDArray[np.float64], "seed size item"]
"""Paired effects, in nats (per token where scored by text)."""


@dataclass(frozen=True)
class Curve:
    """One technique.

    Attributes
    ----------
    sizes:
        Numbers of items, ascending.
    points:
        Mean effect at each size, with an interval for new seeds and items.
    area:
        Mean height of the curve over log2 of the size.
    """

    sizes: tuple[int, ...]
    points: tuple[Estimate, ...]
    area: Estimate

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        points = [{"size": n, **point.to_json()} for n, point in zip(self.sizes, self.points, strict=True)]
        return {"points": points, "area": self.area.to_json()}


def curve(sizes: tuple[int, ...], effects: Effects, *, groups: ArrayLike | None = None) -> Curve:
    """The curve of one technique; ``groups`` are the items' clusters."""
    points = tuple(two_way(effects[:, place], groups=groups) for place in range(len(sizes)))
    return Curve(sizes, points, two_way(_area(sizes, effects), groups=groups))


def two_way(
    values: Float[NDArray[np.float64], "seed item"], *, groups: ArrayLike | None = None, level: float = LEVEL
) -> Estimate:
    """The mean over seeds and items, with an interval for other seeds and other items.

    Student's t with the variance of the means over seeds and that of the means over items added up; what both
    share is counted twice, which errs on the wide side. Degrees of freedom after Satterthwaite (Biometrics 1946).
    Items of one cluster (``groups``) vary together. The interval spans everything for a single seed or item.
    """
    n_seeds, n_items = values.shape
    value = float(values.mean())
    if n_seeds < 2 or n_items < 2 or not math.isfinite(value):
        return Estimate(value, -math.inf, math.inf, values.size, level)
    if _same(values):
        same = mean_interval(values.mean(1), level=level)
        return Estimate(value, same.ci_low, same.ci_high, values.size, level)
    error, freedom = _two_way_error(values, groups)
    reach = quantile(freedom, level) * error
    return Estimate(value, value - reach, value + reach, values.size, level)


def two_way_p(values: Float[NDArray[np.float64], "seed item"], *, groups: ArrayLike | None = None) -> float:
    """Two-sided p of that mean against zero, by what its interval is made of; 1 for a single seed or item."""
    n_seeds, n_items = values.shape
    value = float(values.mean())
    if n_seeds < 2 or n_items < 2 or not math.isfinite(value):
        return 1.0
    if _same(values):
        return mean_p(values.mean(1))
    error, freedom = _two_way_error(values, groups)
    return 2 * float(special.stdtr(freedom, -abs(value) / error))


def _same(values: Float[NDArray[np.float64], "seed item"]) -> bool:
    return float(np.ptp(values)) <= SAME * max(1.0, abs(float(values.mean())))


def _two_way_error(values: Float[NDArray[np.float64], "seed item"], groups: ArrayLike | None) -> tuple[float, float]:
    """Standard error of the mean over seeds and items, and its degrees of freedom."""
    n_seeds = len(values)
    spread, of_items = spread_of_mean(values.mean(0), groups)
    total, freedom = satterthwaite(
        [(float(np.var(values.mean(1), ddof=1)) / n_seeds, n_seeds - 1.0), (spread**2, of_items)]
    )
    return math.sqrt(total), freedom


def satterthwaite(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The sum of independent variances, each with its degrees of freedom, and that of the sum (Biometrics 1946)."""
    total = sum(square for square, _ in parts)
    return total, total**2 / sum(square**2 / freedom for square, freedom in parts)


@dataclass(frozen=True)
class Crossing:
    """Two curves compared.

    Attributes
    ----------
    verdict:
        See :func:`crossing`.
    at:
        The size from which the one that is behind at the smallest size is ahead to the end of the sizes,
        interpolated in log2 of the size; None where the curves do not cross.
    ci_low, ci_high:
        Where the bounds of the gap change sign: sizes between which either may be ahead; None likewise.
    smallest, largest:
        The gap, first minus second, at either end of the sizes.
    """

    verdict: Literal["crosses", "first is better", "second is better", "not resolved"]
    at: float | None
    ci_low: float | None
    ci_high: float | None
    smallest: Estimate
    largest: Estimate

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        ends = {"smallest": self.smallest.to_json(), "largest": self.largest.to_json()}
        return {"verdict": self.verdict, "n": self.at, "ci_low": self.ci_low, "ci_high": self.ci_high, "gap": ends}


def crossing(first: ArrayLike, second: ArrayLike, sizes: ArrayLike, *, groups: ArrayLike | None = None) -> Crossing:
    """Which of two curves is better, or where they cross, for new seeds and items.

    Parameters
    ----------
    first, second:
        Effects [seed, size, item] of two techniques by the same seeds on the same items.
    sizes:
        Numbers of items that were learnt from, ascending.
    groups:
        The label of each item's cluster; None where items are independent.

    Returns
    -------
    Crossing
        ``crosses``: the gap between the curves is resolved at the smallest and at the largest size, with opposite
        signs. ``first is better`` or ``second is better``: it is resolved at both ends with one sign, which it has
        at every size. ``not resolved``: all else, and whenever there are fewer than :data:`SEEDS` seeds.

    Raises
    ------
    StudyError
        The shapes do not fit, or the sizes do not ascend.
    """
    ours, theirs, counts = (np.asarray(part, dtype=np.float64) for part in (first, second, sizes))
    if ours.ndim != 3 or ours.shape != theirs.shape or counts.shape != ours.shape[1:2] or np.any(np.diff(counts) <= 0):
        raise StudyError(
            "Two curves are compared by effects [seed, size, item] on the same seeds, sizes and items.",
            seen=f"shapes {ours.shape} and {theirs.shape}, sizes {counts.tolist()}",
            fix="Give arrays of one shape, and ascending sizes.",
        )
    gaps = [two_way((ours - theirs)[:, place], groups=groups) for place in range(len(counts))]
    ends = gaps[0], gaps[-1]
    if len(ours) < SEEDS or not all(end.excludes_zero for end in ends):
        return Crossing("not resolved", None, None, None, *ends)
    if ends[0].value * ends[1].value < 0:
        sign = math.copysign(1.0, ends[0].value)
        at = _falls(counts, sign * np.array([gap.value for gap in gaps]))
        low, high = (np.array([getattr(gap, bound) for gap in gaps]) for bound in ("ci_low", "ci_high"))
        bounds = (low, high) if sign > 0 else (-high, -low)
        return Crossing("crosses", at, _falls(counts, bounds[0]), _falls(counts, bounds[1]), *ends)
    if len({gap.value > 0 for gap in gaps}) > 1:
        return Crossing("not resolved", None, None, None, *ends)
    return Crossing("first is better" if ends[0].value > 0 else "second is better", None, None, None, *ends)


def _falls(sizes: Float[NDArray[np.float64], " size"], gap: Float[NDArray[np.float64], " size"]) -> float | None:
    """Where the gap falls below zero for good, interpolated in log2 of the size."""
    last = int(np.flatnonzero(gap > 0)[-1])
    share = gap[last] / (gap[last] - gap[last + 1])
    logs = np.log2(sizes)
    return finite(float(2 ** (logs[last] + share * (logs[last + 1] - logs[last]))))


def _area(sizes: tuple[int, ...], values: Effects) -> Float[NDArray[np.float64], "seed item"]:
    logs = np.log2(sizes)
    if len(logs) == 1:
        return values[:, 0]
    return np.asarray(np.trapezoid(values, logs, axis=1) / (logs[-1] - logs[0]))
