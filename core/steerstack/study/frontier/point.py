"""One technique at one cost, what it gains there, and a baseline beside a vector of the same cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.report.page import interval
from steerstack.stats import estimates
from steerstack.steering.vector import SteeringVector
from steerstack.study.null_test import NullTest


@dataclass(frozen=True)
class Point:
    """One technique at one cost.

    Attributes
    ----------
    technique, budget, matched:
        Its name, the KL it was held at (None for what cannot be held), and the baseline whose KL that is.
    values:
        Log-odds of each test item.
    kl, cross_entropy:
        Per token on each neutral text, in nats.
    knowledge:
        Whether each knowledge question is answered right; None where it was not measured.
    record:
        Layers, strength, cost of making it.
    vector:
        The vector, with the layers at which it is; None for baselines and nulls.
    reverse:
        KL of the other direction, KL(bare || condition), on each neutral text.
    own, own_reverse:
        KL in both directions on the bare model's own answers to test questions.
    """

    technique: str
    budget: float | None
    matched: str | None
    values: NDArray[np.float64]
    kl: tuple[float, ...]
    cross_entropy: tuple[float, ...]
    knowledge: tuple[float, ...] | None
    record: Mapping[str, Any]
    vector: SteeringVector | None = None
    reverse: tuple[float, ...] = ()
    own: tuple[float, ...] = ()
    own_reverse: tuple[float, ...] = ()

    @property
    def costs(self) -> dict[str, float | None]:
        """Mean KL per token (nats) by where and in which direction; None where it was not measured."""
        kinds = {"kl": self.kl, "kl_reverse": self.reverse, "kl_own": self.own, "kl_own_reverse": self.own_reverse}
        return {name: float(np.mean(of)) if of else None for name, of in kinds.items()}

    @property
    def name(self) -> str:
        """The technique and its budget."""
        budget = "" if self.budget is None else f" at {self.budget:.3g} nats"
        return f"{self.technique}{budget}" + (f", the KL of {self.matched}" if self.matched else "")


@dataclass(frozen=True)
class PointMeasures:
    """A point, what it gains and what it costs; None for what was not measured.

    Attributes
    ----------
    point:
        The point.
    effect, null_test, p_holm:
        Its effect on the test items, beside the nulls, with its p corrected over all points.
    kl, kl_reverse, kl_own, kl_own_reverse:
        KL per token in nats, on neutral text and on the model's own answers, in both directions.
    perplexity, knowledge, knowledge_lost:
        On neutral text; the share of questions answered right, and by how much that fell.
    """

    point: Point
    effect: estimates.Estimate
    null_test: NullTest | None
    p_holm: float
    kl: estimates.Estimate
    kl_reverse: estimates.Estimate
    kl_own: estimates.Estimate | None
    kl_own_reverse: estimates.Estimate | None
    perplexity: float
    knowledge: estimates.Estimate | None
    knowledge_lost: estimates.Estimate | None

    @property
    def kls(self) -> tuple[estimates.Estimate | None, ...]:
        """The KL by text and direction, in the order of the page's columns."""
        return self.kl, self.kl_reverse, self.kl_own, self.kl_own_reverse

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        point = self.point
        about = {"name": point.name, "technique": point.technique, "budget": point.budget, "matched": point.matched}
        measured = {
            field.name: of.to_json() if isinstance(of, estimates.Estimate | NullTest) else of
            for field in fields(self)
            if field.name != "point"
            for of in [getattr(self, field.name)]
        }
        return {**about, **measured, "record": dict(point.record)}


@dataclass(frozen=True)
class Match:
    """A baseline against a vector that is held at the baseline's KL: the paired difference of their effects."""

    vector: Point
    baseline: Point
    gap: estimates.Estimate

    @property
    def kl(self) -> float:
        """The KL per token that both cost, in nats."""
        return float(np.mean(self.baseline.kl))

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {
            "vector": self.vector.technique,
            "baseline": self.baseline.technique,
            "kl": self.kl,
            "costs": {"vector": self.vector.costs, "baseline": self.baseline.costs},
            "vector_minus_baseline": self.gap.to_json(),
        }


_WHERE = {"kl": "neutral text", "kl_reverse": "the same in reverse", "kl_own": "the model's own answers",
          "kl_own_reverse": "these in reverse"}  # fmt: skip


def compared(match: Match) -> str:
    """A vector and a baseline at one KL, in words that their gap bears."""
    gap = match.gap
    side = "ahead of" if gap.value > 0 else "behind"
    ahead = side if gap.excludes_zero else "not told apart from"
    costs, others = match.vector.costs, match.baseline.costs
    both = [(costs[kind], others[kind], where) for kind, where in _WHERE.items()]
    amounts = "; ".join(
        f"{mine:.3f} and {theirs:.3f} on {where}" for mine, theirs, where in both if None not in (mine, theirs)
    )
    return (
        f"At the KL of {match.baseline.technique}, {match.vector.technique} is {ahead} it: {interval(gap)} "
        f"(nats of KL per token of the vector and of the other: {amounts})."
    )
