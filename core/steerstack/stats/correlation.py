"""How two columns of numbers go together."""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from steerstack.stats.estimate import LEVEL, TOO_FEW, Estimate
from steerstack.stats.intervals import cluster_numbers

FEWEST = 4
"""Pairs below which Fisher's interval does not exist."""


def correlation(x: ArrayLike, y: ArrayLike, *, level: float = LEVEL) -> Estimate:
    """Pearson's r of two columns, with Fisher's interval for other pairs of their kind (Biometrika 1915).

    The interval is as wide as everything below :data:`FEWEST` pairs; r is no number where a column does not vary.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(first)
    if n < 2 or not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return Estimate(math.nan, -math.inf, math.inf, n, level)
    r = float(np.clip(np.corrcoef(first, second)[0, 1], -1, 1))
    if n < FEWEST:
        return Estimate(r, -math.inf, math.inf, n, level)
    if abs(r) == 1:
        return Estimate(r, r, r, n, level)
    reach = float(stats.norm.ppf((1 + level) / 2)) / math.sqrt(n - 3)
    low, high = (math.tanh(math.atanh(r) + side * reach) for side in (-1, 1))
    return Estimate(r, low, high, n, level)


RESAMPLES = 2000


def spearman(
    x: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None, level: float = LEVEL, seed: int = 0
) -> Estimate:
    """Spearman's correlation of two columns, with the percentile interval of a bootstrap over items.

    Whole clusters are drawn where items come in such. It is no number where a column does not vary, and as wide as
    everything below :data:`~steerstack.stats.estimate.TOO_FEW` items or clusters, or where a column is the same in
    more than a twentieth of the draws. Where both columns have one order the draws know no spread: one bound is the
    correlation itself, and the other is Fisher's of a correlation that is short of it by 1 / n.

    Parameters
    ----------
    x, y:
        One number an item.
    groups:
        The item's cluster; None where items are independent.
    """
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    n = len(first)
    labels = np.arange(n) if groups is None else cluster_numbers(groups, n)
    count = int(labels.max()) + 1 if n else 0
    told = None if groups is None else count
    if n < 2 or not (np.ptp(first) > 0 and np.ptp(second) > 0):
        return Estimate(math.nan, -math.inf, math.inf, n, level, told)
    value = float(stats.spearmanr(first, second).statistic)
    if count < TOO_FEW:
        return Estimate(value, -math.inf, math.inf, n, level, told)
    if abs(value) > 1 - 1e-12:
        reach = math.tanh(math.atanh(1 - 1 / n) - float(stats.norm.ppf((1 + level) / 2)) / math.sqrt(count - 3))
        low, high = (reach, 1.0) if value > 0 else (-1.0, -reach)
        return Estimate(float(np.sign(value)), low, high, n, level, told)
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    if count == n:
        draws = _rank_correlations(first[drawn], second[drawn])
    else:
        members = [np.flatnonzero(labels == label) for label in range(count)]
        items = (np.concatenate([members[label] for label in row]) for row in drawn)
        draws = np.concatenate([_rank_correlations(first[row][None], second[row][None]) for row in items])
    draws = draws[np.isfinite(draws)]
    if len(draws) < 0.95 * RESAMPLES:
        return Estimate(value, -math.inf, math.inf, n, level, told)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n, level, told)


def _rank_correlations(
    x: Float[NDArray[np.float64], "draw item"], y: Float[NDArray[np.float64], "draw item"]
) -> Float[NDArray[np.float64], " draw"]:
    """Spearman's correlation of each row; no number where a row does not vary."""
    a, b = (stats.rankdata(side, axis=1) for side in (x, y))
    a, b = (side - side.mean(axis=1, keepdims=True) for side in (a, b))
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.divide((a * b).sum(1), size, out=np.full(len(size), np.nan), where=size > 0)
