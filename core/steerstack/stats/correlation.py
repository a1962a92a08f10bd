"""How two columns of numbers go together."""

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from steerstack.stats.estimate import LEVEL, Estimate

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
