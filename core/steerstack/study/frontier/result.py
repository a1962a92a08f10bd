"""The frontier: what each technique gains at what cost, with vectors held at equal KL from the bare model.

Every vector is brought to each KL budget in turn, and to the KL of every baseline, so that a
prompt or a fine-tune is compared with vectors that disturb the model as much as it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.contracts.recorder import Effect
from steerstack.data.splits import Splits
from steerstack.measure.competence import Competence
from steerstack.report.page import Page
from steerstack.report.samples import Samples
from steerstack.report.words import sum_up
from steerstack.stats import estimates
from steerstack.stats.comparisons import corrected, p_value
from steerstack.steering.intervention import Plan
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.frontier.page import frontier_page
from steerstack.study.frontier.point import Match, Point, PointMeasures, compared
from steerstack.study.null_test import NullTest, beside, borne
from steerstack.study.technique_result import OneSetResult
from steerstack.study.vector_roles import held
from steerstack.techniques.null_techniques import is_reference
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.frontier.study import Frontier


HEARD = 2
"""Vectors whose answers are shown beside the unsteered ones."""


@dataclass(frozen=True, repr=False)
class FrontierResult(OneSetResult):
    """Every point, on the same locked test items, and what the model says to the first of them."""

    study: Frontier
    model: Model
    splits: Splits
    techniques: Sequence[Technique]
    bare: Point
    points: Sequence[Point]
    competence: Competence
    left_out: Sequence[str] = field(default_factory=list)
    samples: Samples | None = None

    def effect(self, point: Point) -> estimates.Estimate:
        """Paired effect on the test items."""
        return estimates.difference(point.values, self.bare.values, groups=self.groups())

    @cached_property
    def _p(self) -> list[float]:
        """P of each point's effect, corrected over all points (Holm)."""
        raw = {
            str(at): p_value(point.values - self.bare.values, groups=self.groups())
            for at, point in enumerate(self.points)
        }
        return [float(row["p_corrected"]) for row in corrected(raw).values()]

    @cached_property
    def matches(self) -> list[Match]:
        """Each baseline against each vector at the baseline's KL."""
        baselines = {p.technique: p for p in self.points if p.budget is None}
        pairs = [(point, baselines[point.matched]) for point in self.points if point.matched]
        return [
            Match(vector, other, estimates.difference(vector.values, other.values, groups=self.groups()))
            for vector, other in pairs
        ]

    @cached_property
    def null_tests(self) -> dict[str, NullTest]:
        """Each vector at each budget, by its name, beside the nulls at the same budget."""
        tests: dict[str, NullTest] = {}
        for budget in self.study.budgets:
            here = {p.technique: (p, self.effect(p).value) for p in self.points if p.budget == budget and not p.matched}
            nulls = {name: size for name, (_, size) in here.items() if is_reference(name)}
            tests |= {p.name: beside(size, nulls) for name, (p, size) in here.items() if name not in nulls}
        return tests

    @property
    def verdict(self) -> str:
        """The answer in words."""
        p_of = {id(point): p for point, p in zip(self.points, self._p, strict=True)}
        sentences = []
        for budget in self.study.budgets:
            here = [p for p in self.points if p.budget == budget and not p.matched]
            real = [p for p in here if not is_reference(p.technique)]
            if not real:
                continue
            best = max(real, key=lambda p: self.effect(p).value)
            beaten = self.null_tests[best.name].place
            size = f"{self.effect(best)} (p = {p_of[id(best)]:.2g}, Holm over all points)"
            furthest = f"At {budget:g} nats per token {best.technique} moves it furthest: {size}"
            sentences.append(f"{furthest}, further than {beaten}." if beaten else f"{furthest}.")
        sentences += [compared(match) for match in self.matches if not is_reference(match.vector.technique)]
        return sum_up([*sentences, borne(self.null_tests)], len(self.splits.test))

    def to_json(self) -> dict[str, object]:
        """The file form of ``frontier --json``."""
        return {
            **self.head,
            "unsteered": self.measured(self.bare, 1.0).to_json(),
            "points": [point.to_json() for point in self.measures],
            "matches": [match.to_json() for match in self.matches],
            "choices": self.choices,
            "failed": list(self.left_out),
            "samples": self.samples or {},
        }

    @cached_property
    def measures(self) -> list[PointMeasures]:
        """Every point with its effect and its costs."""
        return [self.measured(point, p) for point, p in zip(self.points, self._p, strict=True)]

    def measured(self, point: Point, p: float) -> PointMeasures:
        """A point with its effect and its costs, as estimates; ``p`` is that of the effect, corrected."""
        knowledge, bare = point.knowledge, self.bare.knowledge
        return PointMeasures(
            point,
            effect=self.effect(point),
            null_test=self.null_tests.get(point.name),
            p_holm=p,
            kl=estimates.mean(point.kl),
            kl_reverse=estimates.mean(point.reverse),
            kl_own=estimates.mean(point.own) if point.own else None,
            kl_own_reverse=estimates.mean(point.own_reverse) if point.own else None,
            perplexity=float(np.exp(np.mean(point.cross_entropy))),
            knowledge=estimates.share(knowledge) if knowledge else None,
            knowledge_lost=estimates.difference(bare, knowledge) if knowledge and bare else None,
        )

    @property
    def records(self) -> list[tuple[str, Mapping[str, Any]]]:
        """How what each point measures was made, a vector at each of its costs."""
        return [(point.technique, point.record) for point in self.points]

    @property
    def choices(self) -> list[Chances]:
        """What each technique tried."""
        return choices_of({point.technique: point.record for point in self.points})

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The vector of each technique that is one, by role."""
        return {held(point.technique): point.vector for point in self.points if point.vector}

    @property
    def claims(self) -> Claims:
        """Every point that is a vector's."""
        arms = [
            of_technique(point.technique, self.techniques, point.vector, point.record,
                         where={"technique": point.technique, "budget": point.budget, "matched": point.matched})
            for point in self.points
            if point.vector
        ]  # fmt: skip
        return Claims.of_splits({"test": self.splits}, arms, self.study.score)

    @property
    def heard(self) -> dict[str, Plan]:
        """The plans of the sample answers, by rule and not by result: the first two vectors, at the middle budget."""
        here = [
            arm for arm in self.claims.arms if arm.where["budget"] == self.study.held_at and not arm.where["matched"]
        ]
        real = [arm for arm in here if not is_reference(arm.where["technique"])]
        return {f"{arm.where['technique']} at {self.study.held_at:g} nats": arm.plan() for arm in real[:HEARD]}

    @property
    def effects(self) -> list[Effect]:
        """The effect of every point."""
        return [
            Effect.of(f"effect/{point.name}", self.effect(point).to_json(), held(point.technique))
            for point in self.points
        ]

    def page(self) -> Page:
        """Effect against each cost, at equal KL."""
        return frontier_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item and point: technique, budget, matched, item, log_odds, effect."""
        bare = self.bare.values.tolist()
        return [
            {"technique": point.technique, "budget": point.budget, "matched": point.matched, "item": item.id,
             "log_odds": value, "effect": value - without}
            for point in self.points
            for item, value, without in zip(self.splits.test, point.values.tolist(), bare, strict=True)
        ]  # fmt: skip
