"""The ratio of two means over the same items, and over the same seeds and items."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from steerstack.stats.clusters import clustered_spread
from steerstack.stats.estimate import LEVEL, Estimate
from steerstack.stats.intervals import SAME, cluster_numbers, mean_interval, quantile
from steerstack.stats.learning_curves import satterthwaite, two_way

Values = Float[NDArray[np.float64], " item"]


def ratio_interval(
    above: ArrayLike, below: ArrayLike, *, groups: ArrayLike | None = None, level: float = LEVEL
) -> Estimate:
    """Mean of one value over the mean of another, with Fieller's interval (J. R. Stat. Soc. B 1954).

    It holds the ratios ``r`` for which the interval of ``mean(above - r below)`` holds zero. It spans everything
    where the lower mean cannot be told from zero. Groups are as in
    :func:`~steerstack.stats.intervals.mean_interval`.
    """
    a, b = (np.asarray(part, dtype=np.float64).ravel() for part in (above, below))
    n, bottom = len(b), float(b.mean()) if len(b) else math.nan
    value = float(a.mean()) / bottom if bottom else math.nan
    labels = None if groups is None else cluster_numbers(groups, n)
    count = None if labels is None else int(labels.max(initial=-1)) + 1
    unknown = Estimate(value, -math.inf, math.inf, n, level, count)
    if not math.isfinite(value) or not mean_interval(b, groups=groups, level=level).excludes_zero:
        return unknown
    intervals = [_fieller(a, b, None, level)]
    if labels is not None:
        intervals.append(_fieller(a, b, labels, level))
    if (same := _same_everywhere(a, b, partial(mean_interval, level=level))) is not None:
        intervals.append(same)
    low, high = min(low for low, _ in intervals), max(high for _, high in intervals)
    return Estimate(value, low, high, n, level, count)


def two_way_ratio(
    above: Float[NDArray[np.float64], "seed item"], below: Float[NDArray[np.float64], "seed item"], *,
    groups: ArrayLike | None = None, level: float = LEVEL,
) -> Estimate:  # fmt: skip
    """The ratio of two means over the same seeds and items, with Fieller's interval for other seeds and other items.

    Variances are the sums of that of the means over seeds and that of the means over items, as in
    :func:`~steerstack.stats.learning_curves.two_way`; degrees of freedom are taken at the ratio itself. With groups the
    interval holds that of independent and that of clustered items. It spans everything where the lower mean cannot be
    told from zero.
    """
    a, b = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    bottom = float(b.mean()) if b.size else math.nan
    value = float(a.mean()) / bottom if bottom else math.nan
    if not math.isfinite(value) or not two_way(b, groups=groups, level=level).excludes_zero:
        return Estimate(value, -math.inf, math.inf, b.size, level)
    if (same := _same_everywhere(a, b, partial(two_way, level=level))) is not None:
        return Estimate(value, *same, b.size, level)
    residual = a - value * b
    labels = [None] if groups is None else [None, cluster_numbers(groups, b.shape[1])]
    intervals = [
        _roots(a, b, partial(_two_way, labels=by), quantile(satterthwaite(_two_way_parts(residual, by))[1], level))
        for by in labels
    ]
    return Estimate(value, min(low for low, _ in intervals), max(high for _, high in intervals), b.size, level)


def _same_everywhere(
    a: NDArray[np.float64], b: NDArray[np.float64], interval: Callable[[NDArray[np.float64]], Estimate]
) -> tuple[float, float] | None:
    """Bounds of a ratio that is the same everywhere, as wide as a mean's of equal values; None where it varies."""
    bottom = float(b.mean())
    value = float(a.mean()) / bottom
    if float(np.ptp(a - value * b)) > SAME * max(1.0, abs(bottom)):
        return None
    same = interval(np.full(b.shape, bottom))
    reach = (same.ci_high - same.ci_low) / 2 / abs(bottom)
    return value - reach, value + reach


def _two_way_parts(values: NDArray[np.float64], labels: NDArray[np.intp] | None) -> list[tuple[float, float]]:
    """Variance of the means over seeds and of those over items, each with its degrees of freedom."""
    (n_seeds, n_items), items = values.shape, values.mean(0)
    of_seeds = float(np.var(values.mean(1), ddof=1)) / n_seeds, n_seeds - 1.0
    if labels is None:
        return [of_seeds, (float(np.var(items, ddof=1)) / n_items, n_items - 1.0)]
    spread, freedom = clustered_spread(items, labels)
    return [of_seeds, (spread**2, freedom)]


def _two_way(values: NDArray[np.float64], labels: NDArray[np.intp] | None) -> float:
    """Variance of the mean over seeds and items."""
    return sum(square for square, _ in _two_way_parts(values, labels))


def _fieller(a: Values, b: Values, labels: NDArray[np.intp] | None, level: float) -> tuple[float, float]:
    """Bounds of the ratio of means over items, which may come in clusters."""
    if labels is None:
        return _roots(a, b, lambda values: float(np.var(values, ddof=1)) / len(values), quantile(len(a) - 1.0, level))
    _, freedom = clustered_spread(a + b, labels)
    return _roots(a, b, lambda values: clustered_spread(values, labels)[0] ** 2, quantile(freedom, level))


def _roots(
    a: NDArray[np.float64], b: NDArray[np.float64], square: Callable[[NDArray[np.float64]], float], reach: float
) -> tuple[float, float]:
    """The roots of ``mean(a - r b)^2 = reach^2 square(a - r b)``, a quadratic in r; ``square`` is a mean's variance."""
    of_a, of_b, q2 = square(a), square(b), reach**2
    covariance = (square(a + b) - of_a - of_b) / 2
    top, bottom = float(a.mean()), float(b.mean())
    leading = bottom**2 - q2 * of_b
    if leading <= 0:
        return -math.inf, math.inf
    half = top * bottom - q2 * covariance
    root = math.sqrt(max(0.0, half**2 - leading * (top**2 - q2 * of_a)))
    return (half - root) / leading, (half + root) / leading
