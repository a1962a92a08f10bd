"""Many comparisons: Holm's and Benjamini and Hochberg's corrections, and what can be resolved at all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats
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
    """Corrected p of each named comparison, and whether it holds at 5 %.

    ``holm`` bounds the chance of any false claim (Holm, Scand. J. Statist. 1979); ``fdr_bh`` the share of false ones
    among the claims (:func:`scipy.stats.false_discovery_control`).
    """
    if not p_values:
        return {}
    raw = np.fromiter(p_values.values(), dtype=np.float64)
    adjusted = _holm(raw) if method == "holm" else stats.false_discovery_control(raw, method="bh")
    return {
        name: {"p": p, "p_corrected": float(a), "holds": bool(a <= ALPHA)}
        for (name, p), a in zip(p_values.items(), adjusted, strict=True)
    }


def _holm(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down: the smallest p times m, the next times m - 1, never below the one before.

    Not statsmodels' ``multipletests``, which these equal: it collects all of Python's garbage at each call, and so
    takes half a second beside a loaded model.
    """
    order = np.argsort(raw)
    steps = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    adjusted = np.empty_like(raw)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


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
