"""Intervals that cover: Student's t for means, exact ones for proportions, cluster-robust ones for items alike.

One implementation for every interval of a mean or a share that steerstack prints. What it covers is shown by
simulation in ``benchmarks/verdicts.py``.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from scipy import special

from steerstack.errors import StudyError
from steerstack.stats.clusters import clustered_spread
from steerstack.stats.estimate import LEVEL, Estimate

Values = Float[NDArray[np.float64], " item"]
Bounds = tuple[float, float]

SAME = 1e-6
"""Values that differ by less than this share of their size (or of 1) count as identical: it is rounding."""


def mean_interval(values: ArrayLike, *, groups: ArrayLike | None = None, level: float = LEVEL) -> Estimate:
    """The mean over items, with an interval that covers at small n too.

    Student's t. Where values are outcomes (whole and half numbers from -1 to 1, such as 0 and 1, or differences
    of such), with one outcome of -1 and one of 1 added before (Bonett & Price, J. Educ. Behav. Stat. 2012,
    eq. 2), since a few items do not show how rare outcomes vary; outcomes of 0 and 1 may be answers or
    differences between answers, so that their interval also holds Clopper and Pearson's. Where groups are given,
    also the cluster-robust interval (:func:`~steerstack.stats.clusters.clustered_spread`); the wider one counts.
    Identical values get the interval of outcomes, around them and in units of their size or of 1: they bound
    how many other items differ, and say nothing of how much.

    Parameters
    ----------
    values:
        One value an item; differences between arms as one difference an item, so that the interval is paired.
    groups:
        The label of each item's cluster; None where items are independent.
    level:
        Coverage of the interval.

    Returns
    -------
    Estimate
        Its interval spans everything for a single item or a single cluster.

    Raises
    ------
    StudyError
        The level is not between 0 and 1, or there is not one label for each item.
    """
    _check(level)
    data, labels = _read(values, groups)
    value, count = float(data.mean()) if len(data) else math.nan, None if labels is None else _count(labels)
    if len(data) < 2 or count == 1 or not math.isfinite(value):
        return Estimate(value, -math.inf, math.inf, len(data), level, count)
    reached = [(mean, quantile(freedom, level) * spread) for mean, spread, freedom in _pivots(data, labels)]
    low, high = min(mean - reach for mean, reach in reached), max(mean + reach for mean, reach in reached)
    if _are_outcomes(data):
        low, high = max(-1.0, low), min(1.0, high)
        if np.all((data == 0) | (data == 1)):
            exact = _exact(float(data.sum()), len(data), level)
            low, high = min(low, exact[0]), max(high, exact[1])
    return Estimate(value, low, high, len(data), level, count)


def mean_p(values: ArrayLike, *, groups: ArrayLike | None = None) -> float:
    """Two-sided p of a mean against zero, from what :func:`mean_interval` is made of: p < 0.05 as zero lies outside.

    1 where there are fewer than two items or clusters, or a value is not finite.
    """
    data, labels = _read(values, groups)
    if len(data) < 2 or not np.isfinite(data).all() or (labels is not None and _count(labels) == 1):
        return 1.0
    p_values = (
        2 * float(special.stdtr(freedom, -abs(mean) / spread)) if spread else 1.0
        for mean, spread, freedom in _pivots(data, labels)
    )
    return max(p_values)


def gap_interval(
    first: ArrayLike, second: ArrayLike, *,
    groups: tuple[ArrayLike | None, ArrayLike | None] = (None, None), level: float = LEVEL,
) -> Estimate:  # fmt: skip
    """The difference between the means of two sets of items that have nothing to do with each other.

    Each mean's standard error is that of :func:`mean_interval`; degrees of freedom after Welch (Biometrika 1947).
    Of items in clusters (``groups``, of either set) the larger of both errors counts. ``n`` counts the smaller set.
    """
    sides = [np.asarray(part, dtype=np.float64).ravel() for part in (first, second)]
    value, n = float(sides[0].mean() - sides[1].mean()), min(len(part) for part in sides)
    if n < 2 or not math.isfinite(value):
        return Estimate(value, -math.inf, math.inf, n, level)
    parts = [_read(part, labels) for part, labels in zip(sides, groups, strict=True)]
    if any(labels is not None and _count(labels) == 1 for _, labels in parts):
        return Estimate(value, -math.inf, math.inf, n, level)
    (mean, error, of_first), (other, other_error, of_second) = (
        max(_pivots(part, labels), key=lambda pivot: pivot[1]) for part, labels in parts
    )
    square = error**2 + other_error**2
    freedom = square**2 / (error**4 / of_first + other_error**4 / of_second)
    reach = quantile(freedom, level) * math.sqrt(square)
    return Estimate(value, min(value, mean - other - reach), max(value, mean - other + reach), n, level)


def spread_of_mean(values: ArrayLike, groups: ArrayLike | None = None) -> tuple[float, float]:
    """Standard error of a mean and its degrees of freedom, the larger one of independent and of clustered items."""
    data, labels = _read(values, groups)
    if labels is not None and _count(labels) == 1:
        return math.inf, 1.0
    return max((spread, freedom) for _, spread, freedom in _pivots(data, labels))


Pivot = tuple[float, float, float]
"""A mean, its standard error, and the degrees of freedom."""


def _pivots(data: Values, labels: NDArray[np.intp] | None) -> list[Pivot]:
    """For independent items, and for clusters where there are some."""
    n, value = len(data), float(data.mean())
    unit = max(1.0, abs(value))
    if _are_outcomes(data):
        pivots = [(*_adjusted(data), n - 1.0)]
    elif float(np.ptp(data)) <= SAME * unit:
        pivots = [(value, unit * _adjusted(np.zeros(n))[1], n - 1.0)]
    else:
        pivots = [(value, float(np.std(data, ddof=1)) / math.sqrt(n), n - 1.0)]
    return pivots if labels is None else [*pivots, (value, *clustered_spread(data, labels))]


def _adjusted(data: Values) -> tuple[float, float]:
    """Mean and standard error with an outcome of -1 and one of 1 added."""
    more = np.append(data, [-1.0, 1.0])
    return float(more.mean()), float(np.std(more)) / math.sqrt(len(more))


def proportion_interval(successes: float, n: int, *, level: float = LEVEL) -> Estimate:
    """A share of n independent items, with Clopper and Pearson's exact interval (Biometrika 1934).

    It covers at every n and every share, which Wilson's does not (0.91 at n = 10 and a share of 0.95).

    Parameters
    ----------
    successes:
        How many; halves (ties) are allowed.
    n:
        Of how many.

    Raises
    ------
    StudyError
        There are fewer than none or more than all.
    """
    _check(level)
    if not 0 <= successes <= n:
        raise StudyError("A share lies between none and all.", seen=f"{successes} of {n}")
    if not n:
        return Estimate(math.nan, 0.0, 1.0, 0, level)
    low, high = _exact(successes, n, level)
    return Estimate(successes / n, low, high, n, level)


def _exact(successes: float, n: int, level: float) -> Bounds:
    tail = (1 - level) / 2
    low = float(special.betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(special.betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return low, high


def _are_outcomes(data: Values) -> bool:
    return bool(np.all(np.abs(data) <= 1) and np.all(data * 2 == np.round(data * 2)))


def quantile(freedom: float, level: float) -> float:
    """Student's t that a share ``level`` of values lies within, in size."""
    return float(special.stdtrit(freedom, (1 + level) / 2))


def _read(values: ArrayLike, groups: ArrayLike | None) -> tuple[Values, NDArray[np.intp] | None]:
    data: Values = np.asarray(values, dtype=np.float64).ravel()
    return data, None if groups is None else cluster_numbers(groups, len(data))


def _count(labels: NDArray[np.intp]) -> int:
    return int(labels.max(initial=-1)) + 1


def cluster_numbers(groups: ArrayLike, n: int) -> NDArray[np.intp]:
    """Clusters as numbers from 0."""
    labels = np.asarray(groups).ravel()
    if len(labels) != n:
        raise StudyError("Each item needs the label of its cluster.", seen=f"{n} items, {len(labels)} labels")
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.intp)


def _check(level: float) -> None:
    if not 0 < level < 1:
        raise StudyError("A level of confidence lies between 0 and 1.", seen=str(level), fix="Give 0.95, say.")
