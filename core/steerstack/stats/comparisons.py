"""Many comparisons: Holm's and Benjamini and Hochberg's corrections, and what can be resolved at all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from steerstack.stats.intervals import mean_p

ALPHA = 0.05
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
    holds, adjusted, _, _ = multipletests(list(p_values.values()), alpha=ALPHA, method=method)
    return {
        name: {"p": p, "p_corrected": float(a), "holds": bool(h)}
        for (name, p), a, h in zip(p_values.items(), adjusted, holds, strict=True)
    }


@dataclass(frozen=True)
class Resolvable:
    """The smallest paired mean effect that a test resolves with 80 % power at 5 %.

    Attributes
    ----------
    value:
        If the pilot's spread is the items' own.
    low, high:
        If it lies at either end of its 95 % interval: a pilot knows the spread poorly.
    """

    value: float
    low: float
    high: float

    @classmethod
    def median(cls, several: Sequence["Resolvable"]) -> "Resolvable | None":
        """The median over several pilots; None where there is none."""
        if not several:
            return None
        return cls(*(float(np.median([getattr(one, name) for one in several])) for name in ("value", "low", "high")))


def minimal_effect(pilot: ArrayLike, n: int, *, comparisons: int = 1) -> Resolvable | None:
    """The smallest paired mean effect that n items resolve with 80 % power at 5 % (Bonferroni over comparisons).

    Parameters
    ----------
    pilot:
        Paired effects of some other items: their spread is what is used, with its chi-squared interval.
    n:
        Items of the test.

    Returns
    -------
    Resolvable or None
        None where the pilot shows no spread.
    """
    values = np.asarray(pilot, dtype=np.float64)
    freedom = len(values) - 1
    spread = float(np.std(values, ddof=1)) if freedom > 0 else math.nan
    if not spread or not math.isfinite(spread) or n < 2:
        return None
    unit = float(TTestPower().solve_power(nobs=n, alpha=ALPHA / comparisons, power=POWER))
    low, high = (spread * math.sqrt(freedom / special.chdtri(freedom, tail)) for tail in (0.025, 0.975))
    return Resolvable(unit * spread, unit * low, unit * high)
