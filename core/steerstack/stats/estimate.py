"""A number with its interval."""

import math
from dataclasses import dataclass
from typing import Any

from steerstack.util.numbers import signed

LEVEL = 0.95

FEW, TOO_FEW = 20, 8
"""Below so many items a claim is hedged; below so many, none is made."""


@dataclass(frozen=True)
class Estimate:
    """A mean over items with its interval.

    Attributes
    ----------
    value, ci_low, ci_high:
        In the unit of the items' values. An interval is as wide as everything where it is not known.
    n:
        Number of items.
    level:
        Coverage that the interval aims at.
    clusters:
        Number of clusters of items that the interval allows for; None where items count as independent.
    """

    value: float
    ci_low: float
    ci_high: float
    n: int
    level: float = LEVEL
    clusters: int | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.ci_low > 0 or self.ci_high < 0

    @property
    def units(self) -> int:
        """How many independent observations it rests on: clusters where there are some, else items."""
        return self.n if self.clusters is None else self.clusters

    @property
    def bears_claim(self) -> bool:
        """Whether it excludes zero and rests on at least :data:`TOO_FEW` items."""
        return self.excludes_zero and self.n >= TOO_FEW

    def to_json(self) -> dict[str, Any]:
        """As the JSON results hold it; a bound that is not known is null."""
        numbers = {name: finite(getattr(self, name)) for name in ("value", "ci_low", "ci_high")}
        found: dict[str, Any] = {**numbers, "n": self.n, "level": self.level}
        return found if self.clusters is None else {**found, "clusters": self.clusters}

    def __str__(self) -> str:
        if math.isinf(self.ci_low) and math.isinf(self.ci_high):  # a single item, cluster or seed
            return f"{signed(self.value)} (no interval)"
        return f"{signed(self.value)} [{signed(self.ci_low)}, {signed(self.ci_high)}]"


def finite(value: float) -> float | None:
    """The value for JSON, which knows no NaN and no infinity."""
    return value if math.isfinite(value) else None
