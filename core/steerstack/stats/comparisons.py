"""Many comparisons: Holm's and Benjamini and Hochberg's corrections, and what can be resolved at all."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from steerstack.stats.intervals import mean_p

LEVEL = 0.05
POWER = 0.8


def p_value(differences: ArrayLike, *, groups: ArrayLike | None = None) -> float:
    """Two-sided p of a paired mean difference from zero, by what its interval is made of (Student's t)."""
    return mean_p(differences, groups=groups)


def corrected(
    p_values: Mapping[str, float], method: Literal["holm", "fdr_bh"] = "holm"
) -> dict[str, dict[str, float | bool]]:
    """Corrected p of each named comparison, and whether it holds at 5 % (statsmodels ``multipletests``).

    ``holm`` bounds the chance of any false claim; ``fdr_bh`` the share of false ones among the claims.
    """
    if not p_values:
        return {}
    holds, adjusted, _, _ = multipletests(list(p_values.values()), alpha=LEVEL, method=method)
    return {
        name: {"p": p, "p_corrected": float(a), "holds": bool(h)}
        for (name, p), a, h in zip(p_values.items(), adjusted, holds, strict=True)
    }


def minimal_effect(pilot: ArrayLike, n: int, *, comparisons: int = 1) -> float | None:
    """The smallest paired mean effect that n items resolve with 80 % power at 5 % (Bonferroni over comparisons).

    Parameters
    ----------
    pilot:
        Paired effects of some other items: their spread is what is used.
    n:
        Items of the test.
    """
    spread = float(np.std(np.asarray(pilot, dtype=np.float64), ddof=1)) if len(np.asarray(pilot)) > 1 else math.nan
    if not spread or not math.isfinite(spread) or n < 2:
        return None
    standardised = TTestPower().solve_power(nobs=n, alpha=LEVEL / comparisons, power=POWER)
    return float(standardised * spread)
