"""A number with its interval."""

import math
from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict

from steerstack.util.numbers import signed

LEVEL = 0.95

FEW, TOO_FEW = 20, 8
"""Below so many items a claim is hedged; below so many, none is made."""


class BoundsJson(TypedDict):
    """A value between two bounds as JSON results hold it; a number that is not known is null."""

    value: float | None
    ci_low: float | None
    ci_high: float | None


class EstimateJson(BoundsJson):
    """An estimate as JSON results hold it."""

    n: int
    level: NotRequired[float]
    clusters: NotRequired[int]


class Interval(Protocol):
    """A value between two bounds: an estimate, or an effect as the registry keeps it."""

    @property
    def value(self) -> float:
        """The value."""

    @property
    def ci_low(self) -> float:
        """The lower bound; minus infinity where it is not known."""

    @property
    def ci_high(self) -> float:
        """The upper bound, likewise."""


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

    def to_json(self) -> EstimateJson:
        """As the JSON results hold it; a bound that is not known is null."""
        value, low, high = finite(self.value), finite(self.ci_low), finite(self.ci_high)
        json: EstimateJson = {"value": value, "ci_low": low, "ci_high": high, "n": self.n, "level": self.level}
        return json if self.clusters is None else {**json, "clusters": self.clusters}

    @classmethod
    def from_json(cls, value: EstimateJson) -> "Estimate":
        """As :meth:`to_json` wrote it; what is null is no number."""
        number, low, high = (
            math.nan if part is None else float(part) for part in (value["value"], value["ci_low"], value["ci_high"])
        )
        return cls(number, low, high, value["n"], value.get("level", LEVEL), value.get("clusters"))

    def __str__(self) -> str:
        if math.isinf(self.ci_low) and math.isinf(self.ci_high):  # a single item, cluster or seed
            return f"{signed(self.value)} (no interval)"
        return f"{signed(self.value)} [{signed(self.ci_low)}, {signed(self.ci_high)}]"


def known(of: Interval | BoundsJson) -> tuple[float | None, float | None, float | None]:
    """The value and its bounds, low and high; None for one that is no finite number."""
    if isinstance(of, dict):
        return of["value"], of["ci_low"], of["ci_high"]
    return finite(of.value), finite(of.ci_low), finite(of.ci_high)


def finite(value: float) -> float | None:
    """The value for JSON, which knows no NaN and no infinity."""
    return value if math.isfinite(value) else None
