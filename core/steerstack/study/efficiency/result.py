"""Sample efficiency: what does each technique reach with n labelled items, and with wrong labels among them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from steerstack.contracts.recorder import Effect
from steerstack.data.splits import Splits
from steerstack.measure.competence import Competence
from steerstack.report.page import Page
from steerstack.stats import estimates
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.efficiency.answer import EfficiencyAnswer
from steerstack.study.efficiency.page import efficiency_page
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.fit_step import FitValues
from steerstack.study.null_test import tests_json
from steerstack.study.technique_result import OneSetResult
from steerstack.study.vector_roles import with_items
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.efficiency.study import Efficiency


@dataclass(frozen=True)
class FitCost:
    """What a technique takes at one size and share of flipped labels, as a mean over seeds."""

    technique: str
    noise: float
    n: int
    parameters: float
    seconds: float
    flops: float
    context_tokens: float


@dataclass(frozen=True, repr=False)
class EfficiencyResult(OneSetResult):
    """Every fit, measured on the same locked test items."""

    study: Efficiency
    model: Model
    splits: Splits
    techniques: Sequence[Technique]
    base: Any
    fits: dict[tuple[str, float, int, int], FitValues]
    competence: Competence

    @cached_property
    def answer(self) -> EfficiencyAnswer:
        """What the items say."""
        return self.study.answer(self.items)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        return self.answer.verdict

    def to_json(self) -> dict[str, object]:
        """The file form of ``efficiency --json``."""
        return {
            **self.head,
            "unsteered": estimates.mean(self.base, groups=self.groups()).to_json(),
            "curves": [
                {"technique": name, "noise": noise, **c.to_json()} for (name, noise), c in self.answer.curves.items()
            ],
            "crossings": [
                {"first": of.first, "second": of.second, **of.crossing.to_json()} for of in self.answer.crossings
            ],
            "against_nulls": [
                {"technique": of.technique, "null": of.null, "area_above": of.gap.to_json(), "above": of.gap.ci_low > 0}
                for of in self.answer.against_nulls
            ],
            "null_tests": tests_json(self.answer.null_tests),
            "costs": [asdict(cost) for cost in self.costs],
            "choices": self.choices,
            "failed": self.failed,
        }

    @property
    def failed(self) -> list[str]:
        """Fits that could not be made, and why."""
        return sorted({f"{key[0]} at n = {key[2]}: {fit.failed}" for key, fit in self.fits.items() if fit.failed})

    @property
    def choices(self) -> list[Chances]:
        """What each technique tried at the largest size at which it could be fitted, on clean labels."""
        noise = self.study.noise[0]
        largest = {name: max(c.sizes) for (name, at), c in self.answer.curves.items() if at == noise}
        return choices_of({name: self.fits[name, noise, n, 0].account for name, n in largest.items()})

    @property
    def costs(self) -> list[FitCost]:
        """What each point of a curve takes."""

        def mean(what: str, *fit: Any) -> float:
            return float(np.mean([self.fits[*fit, seed].cost[what] for seed in range(self.study.seeds)]))

        kinds = ("parameters", "seconds", "flops", "context_tokens")
        return [
            FitCost(name, noise, n, *(mean(what, name, noise, n) for what in kinds))
            for (name, noise), c in self.answer.curves.items()
            for n in c.sizes
        ]

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The first seed's vector at each size, of each technique that is one, by role; the largest sizes first."""
        first = sorted(((n, name, noise, fit) for (name, noise, n, seed), fit in self.fits.items() if seed == 0),
                       key=lambda entry: -entry[0])  # fmt: skip
        return {with_items(name, n, noise): fit.vector for n, name, noise, fit in first if fit.vector}

    @property
    def claims(self) -> Claims:
        """The first seed's vectors at each size."""
        arms = [
            of_technique(name, self.techniques, fit.vector, fit.record,
                         where={"technique": name, "noise": noise, "n": n, "seed": 0})
            for (name, noise, n, seed), fit in self.fits.items()
            if seed == 0 and fit.vector
        ]  # fmt: skip
        return Claims.of_splits({"test": self.splits}, arms, self.study.score)

    @property
    def effects(self) -> list[Effect]:
        """Each technique's mean effect over the sizes, and its effect at each size."""
        effects = []
        for (name, noise), of in self.answer.curves.items():
            on = name + (f" {noise:.0%} flipped" if noise else "")
            effects.append(Effect.of(f"area/{on}", of.area.to_json(), name))
            effects += [
                Effect.of(f"effect/{on} n={size}", point.to_json(), with_items(name, size, noise))
                for size, point in zip(of.sizes, of.points, strict=True)
            ]
        return effects

    def page(self) -> Page:
        """Curves, crossings, costs, nulls."""
        return efficiency_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item and fit: technique, noise, n, seed, item, log_odds, effect."""
        ids, base = [item.id for item in self.splits.test], self.base.tolist()
        rows = []
        for (name, noise, n, seed), fit in self.fits.items():
            about = {"technique": name, "noise": noise, "n": n, "seed": seed}
            for item, value, bare in zip(ids, fit.values.get("test", np.array([])).tolist(), base, strict=False):
                rows.append({**about, "item": item, "log_odds": value, "effect": value - bare})
        return rows
