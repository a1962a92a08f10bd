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
from steerstack.report.words import sum_up
from steerstack.stats import estimates
from steerstack.stats.learning_curves import SEEDS, Crossing, Curve, Effects, crossing, curve
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.efficiency.page import efficiency_page
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.fit_step import FitValues
from steerstack.study.null_test import AboveNull, NullTest, borne, tests_json
from steerstack.study.technique_result import OneSetResult
from steerstack.study.vector_roles import with_items
from steerstack.techniques.null_techniques import is_reference
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.efficiency.study import Efficiency


@dataclass(frozen=True)
class ComparedCurves:
    """Two techniques' curves, and which of them is better, or where they cross."""

    first: str
    second: str
    crossing: Crossing


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

    def sizes(self, name: str, noise: float) -> tuple[int, ...]:
        """Sizes at which a technique could be fitted by every seed."""
        seeds = range(self.study.seeds)
        return tuple(n for n in self.study.sizes if not any(self.fits[name, noise, n, s].failed for s in seeds))

    def differences(self, name: str, noise: float, sizes: Sequence[int]) -> Effects:
        """Paired effects [seed, size, item]."""
        return np.array(
            [[self.fits[name, noise, n, s].values["test"] - self.base for n in sizes] for s in range(self.study.seeds)]
        )

    @cached_property
    def curves(self) -> dict[tuple[str, float], Curve]:
        """The curve of each technique at each share of flipped labels."""
        curves = {}
        for technique in self.techniques:
            for noise in self.study.noise:
                sizes = self.sizes(technique.name, noise)
                if sizes:
                    curves[technique.name, noise] = curve(
                        sizes, self.differences(technique.name, noise, sizes), groups=self.groups()
                    )
        return curves

    @cached_property
    def crossings(self) -> list[ComparedCurves]:
        """For every pair of techniques, which is better or where they cross, on clean labels."""
        crossings, noise = [], self.study.noise[0]
        names = [t.name for t in self.techniques if (t.name, noise) in self.curves and not is_reference(t.name)]
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                sizes = tuple(n for n in self.sizes(first, noise) if n in self.sizes(second, noise))
                if sizes:
                    mine, theirs = (self.differences(name, noise, sizes) for name in (first, second))
                    crossings.append(ComparedCurves(first, second, crossing(mine, theirs, sizes, groups=self.groups())))
        return crossings

    @cached_property
    def against_nulls(self) -> list[AboveNull]:
        """For every technique and null, the difference of their areas on clean labels, paired by seed and item."""
        noise = self.study.noise[0]
        names = [t.name for t in self.techniques if (t.name, noise) in self.curves]
        comparisons = []
        for name, null in ((a, b) for a in names for b in names if is_reference(b) and not is_reference(a)):
            sizes = tuple(n for n in self.sizes(name, noise) if n in self.sizes(null, noise))
            if sizes:
                gap = curve(
                    sizes,
                    self.differences(name, noise, sizes) - self.differences(null, noise, sizes),
                    groups=self.groups(),
                ).area
                comparisons.append(AboveNull(name, null, gap))
        return comparisons

    @cached_property
    def null_tests(self) -> dict[str, NullTest]:
        """Each vector beside the nulls: mean effect over the sizes on clean labels."""
        areas = {name: of.area.value for (name, at), of in self.curves.items() if at == self.study.noise[0]}
        return self.beside_nulls(areas)

    def _further(self, name: str) -> str:
        place = self.null_tests[name].place if name in self.null_tests else ""
        return f", further than {place}" if place else ""

    @property
    def verdict(self) -> str:
        """The answer in words."""
        noise = self.study.noise[0]
        areas = {name: c.area for (name, at), c in self.curves.items() if at == noise}
        ranked = sorted(areas, key=lambda name: -areas[name].value)
        lines = [
            f"{name}: mean effect over the sizes {areas[name]}"
            + ("" if areas[name].bears_claim else ", which cannot be told apart from none")
            + self._further(name)
            for name in ranked
        ]
        lines += [_compared(entry, self.study.seeds) for entry in self.crossings]
        return sum_up([". ".join(lines) + ".", borne(self.null_tests)], len(self.splits.test))

    def to_json(self) -> dict[str, object]:
        """The file form of ``efficiency --json``."""
        return {
            **self.head,
            "unsteered": estimates.mean(self.base, groups=self.groups()).to_json(),
            "curves": [{"technique": name, "noise": noise, **c.to_json()} for (name, noise), c in self.curves.items()],
            "crossings": [{"first": of.first, "second": of.second, **of.crossing.to_json()} for of in self.crossings],
            "against_nulls": [
                {"technique": of.technique, "null": of.null, "area_above": of.gap.to_json(), "above": of.gap.ci_low > 0}
                for of in self.against_nulls
            ],
            "null_tests": tests_json(self.null_tests),
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
        largest = {name: max(c.sizes) for (name, at), c in self.curves.items() if at == noise}
        return choices_of({name: self.fits[name, noise, n, 0].account for name, n in largest.items()})

    @property
    def costs(self) -> list[FitCost]:
        """What each point of a curve takes."""

        def mean(what: str, *fit: Any) -> float:
            return float(np.mean([self.fits[*fit, seed].cost[what] for seed in range(self.study.seeds)]))

        kinds = ("parameters", "seconds", "flops", "context_tokens")
        return [
            FitCost(name, noise, n, *(mean(what, name, noise, n) for what in kinds))
            for (name, noise), c in self.curves.items()
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
        for (name, noise), of in self.curves.items():
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


def _compared(pair: ComparedCurves, seeds: int) -> str:
    """Two curves, in words that their gap bears."""
    first, second, of = pair.first, pair.second, pair.crossing
    ends = f"{first} minus {second}: {of.smallest} at the smallest, {of.largest} at the largest"
    if of.verdict == "crosses":
        behind, ahead = (second, first) if of.smallest.value < 0 else (first, second)
        return f"{ahead} overtakes {behind} at about n = {of.at:.3g} ({ends})"
    if of.verdict == "not resolved":
        why = "" if seeds >= SEEDS else f", since that takes {SEEDS} seeds and there were {seeds}"
        return f"Which of {first} and {second} is better is not resolved{why} ({ends})"
    better, worse = (first, second) if of.verdict == "first is better" else (second, first)
    return f"{better} is better than {worse} at both ends of the sizes ({ends})"
