"""The place of an effect among those of nulls, and whether two lists have one order."""

import math
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def rank_p(effect: float, nulls: ArrayLike) -> float:
    """Two-sided p of an effect among null effects, by absolute size: ``(1 + b) / (N + 1)``.

    ``b`` counts the nulls that are at least as large; the one that is added is the effect itself, so that p is
    never 0 and N nulls support no p below 1 / (N + 1) (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 2010). A
    null that could not be measured (NaN) counts as at least as large. It is 1 where there is no null.
    """
    sizes = np.abs(np.asarray(nulls, dtype=np.float64).ravel())
    smaller = int(np.sum(sizes < abs(effect)))
    return (1 + len(sizes) - smaller) / (len(sizes) + 1)


EXACT = 8
"""Up to so many pairs every order is tried: 40,320 of them."""

DRAWS = 10_000


def rank_correlation(first: ArrayLike, second: ArrayLike) -> tuple[float, float]:
    """Spearman's correlation of two lists, and its two-sided p over all orders (beyond eight pairs, over
    10,000 that are drawn).

    Both are NaN where either does not vary. The asymptotic p is 0 for four pairs in one order, where 2 of 24 orders
    are as far from none: 0.083.
    """
    x, y = (stats.rankdata(np.asarray(part, dtype=np.float64)) for part in (first, second))
    x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(float(x @ x) * float(y @ y))
    if not size:
        return math.nan, math.nan
    if len(x) <= EXACT:
        orders = np.array(list(permutations(x)))
    else:
        orders = np.random.default_rng(0).permuted(np.tile(x, (DRAWS, 1)), axis=1)
    rho, under = float(x @ y) / size, np.abs(orders @ y) / size
    as_far = int(np.sum(under >= abs(rho) - 1e-12))
    return rho, as_far / len(orders) if len(x) <= EXACT else (1 + as_far) / (DRAWS + 1)
