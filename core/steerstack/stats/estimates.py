"""Estimates with intervals: the bootstrap over items, paired where arms are compared."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

RESAMPLES = 5000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over items with its interval.

    Attributes
    ----------
    value, ci_low, ci_high:
        In the unit of the items' values.
    n:
        Number of items.
    level:
        Coverage that the interval aims at.
    """

    value: float
    ci_low: float
    ci_high: float
    n: int
    level: float = LEVEL

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.ci_low > 0 or self.ci_high < 0

    def to_json(self) -> dict[str, Any]:
        """As the JSON results hold it; a bound that is not known is null."""
        return {k: finite(v) if isinstance(v, float) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.ci_low:+.3f}, {self.ci_high:+.3f}]"


def mean(values: ArrayLike, *, level: float = LEVEL, seed: int = 0) -> Estimate:
    """The mean over items, with a bias-corrected and accelerated bootstrap interval.

    Differences between arms are given as one difference an item, so that the interval is a
    paired one. Efron & Tibshirani (1993), ch. 14, by scipy. Where all items agree the interval
    is the value itself; with a single item it is not known and spans everything.

    Parameters
    ----------
    values:
        One value an item.
    level:
        Coverage of the interval.
    seed:
        Seed of the resampling.
    """
    data: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    if not len(data):
        return Estimate(math.nan, -math.inf, math.inf, 0, level)
    value = float(data.mean())
    if len(data) == 1:
        return Estimate(value, -math.inf, math.inf, 1, level)
    if float(np.ptp(data)) == 0:
        return Estimate(value, value, value, len(data), level)
    with warnings.catch_warnings():
        # a degenerate acceleration is answered below, by the plain percentile interval
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = _bootstrap(data, "BCa", level, seed)
        if not math.isfinite(found[0] + found[1]):
            found = _bootstrap(data, "percentile", level, seed)
    return Estimate(value, *found, len(data), level)


def _bootstrap(
    data: NDArray[np.float64], method: Literal["BCa", "percentile"], level: float, seed: int
) -> tuple[float, float]:
    found = stats.bootstrap(
        (data,),
        np.mean,
        method=method,
        n_resamples=RESAMPLES,
        confidence_level=level,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def difference(after: ArrayLike, before: ArrayLike, *, seed: int = 0) -> Estimate:
    """Mean of the paired differences between two arms on the same items."""
    return mean(np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64), seed=seed)


def interaction(both: ArrayLike, first: ArrayLike, second: ArrayLike, neither: ArrayLike, *, seed: int = 0) -> Estimate:
    """Difference in differences on the same items: ``both - first - second + neither``.

    Zero where the two techniques add up on this scale, of the sign of their effects where
    they reinforce each other, of the other sign where one takes from the other.
    """
    return mean(contrast(both, first, second, neither), seed=seed)


def contrast(both: ArrayLike, first: ArrayLike, second: ArrayLike, neither: ArrayLike) -> NDArray[np.float64]:
    """The difference in differences of each item."""
    parts = [np.asarray(part, dtype=np.float64) for part in (both, first, second, neither)]
    return parts[0] - parts[1] - parts[2] + parts[3]


def sigmoid(log_odds: ArrayLike) -> NDArray[np.float64]:
    """Probability of the exhibiting answer among the two, from log-odds in nats."""
    return np.asarray(special.expit(np.asarray(log_odds, dtype=np.float64)))


def needed_n(values: Sequence[float] | NDArray[np.float64], effect: float) -> int | None:
    """How many items would resolve an effect of this size from zero at 95 % (normal theory), with power 80 %."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    if not effect or not math.isfinite(spread):
        return None
    return math.ceil(((1.96 + 0.84) * spread / abs(effect)) ** 2)


def finite(value: float) -> float | None:
    """The value for JSON, which knows no NaN and no infinity."""
    return value if math.isfinite(value) else None
