"""The ratio of two means over the same items."""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from steerstack.stats.clusters import clustered_spread
from steerstack.stats.estimate import LEVEL, Estimate
from steerstack.stats.intervals import SAME, cluster_numbers, mean_interval, quantile

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
    found = [_fieller(a, b, None, level)]
    if labels is not None:
        found.append(_fieller(a, b, labels, level))
    residual = a - value * b
    if float(np.ptp(residual)) <= SAME * max(1.0, abs(bottom)):  # the same ratio at every item: see mean_interval
        same = mean_interval(np.full(n, bottom), level=level)
        reach = (same.ci_high - same.ci_low) / 2 / abs(bottom)
        found.append((value - reach, value + reach))
    low, high = min(low for low, _ in found), max(high for _, high in found)
    return Estimate(value, low, high, n, level, count)


def _fieller(a: Values, b: Values, labels: NDArray[np.intp] | None, level: float) -> tuple[float, float]:
    """Bounds of the ratio of means: the roots of ``mean(a - r b)^2 = q^2 var(a - r b)``, a quadratic in r."""
    square = {}
    freedom = float(len(a) - 1)
    for name, values in (("a", a), ("b", b), ("sum", a + b)):
        if labels is None:
            square[name] = float(np.var(values, ddof=1)) / len(values)
        else:
            spread, freedom = clustered_spread(values, labels)
            square[name] = spread**2
    q2 = quantile(freedom, level) ** 2
    covariance = (square["sum"] - square["a"] - square["b"]) / 2
    top, bottom = float(a.mean()), float(b.mean())
    leading = bottom**2 - q2 * square["b"]
    if leading <= 0:
        return -math.inf, math.inf
    half = top * bottom - q2 * covariance
    root = math.sqrt(max(0.0, half**2 - leading * (top**2 - q2 * square["a"])))
    return (half - root) / leading, (half + root) / leading
