"""Generalisation: what a technique learned on one kind of item does on another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from steerstack.contracts.recorder import Effect
from steerstack.data.items import DataSet
from steerstack.data.splits import Splits
from steerstack.report.page import Page
from steerstack.report.words import share, sum_up
from steerstack.stats import estimates
from steerstack.stats.comparisons import corrected, p_value
from steerstack.stats.estimate import Estimate
from steerstack.stats.ranks import rank_correlation
from steerstack.stats.ratio import ratio_interval
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.fit_step import FitValues
from steerstack.study.generalize.page import generalize_page
from steerstack.study.null_test import AboveNull, NullTest, borne, tests_json
from steerstack.study.technique_result import TechniqueResult
from steerstack.study.vector_roles import trained_on
from steerstack.techniques.null_techniques import is_reference
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.generalize.study import Generalize


@dataclass(frozen=True)
class Transfer:
    """One technique, trained in either domain and tested in both.

    Attributes
    ----------
    within, across:
        Effect on the target's test items when trained on the target, and when trained on the source.
    at_home:
        Effect on the source's test items when trained on the source.
    recovered:
        Supervision gap recovered: across / within (Hase et al., arXiv 2401.06751, eq. 1).
    anti:
        Share of the target's items that move the wrong way when trained on the source.
    """

    name: str
    within: Estimate
    across: Estimate
    at_home: Estimate
    recovered: Estimate | None
    anti: float

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {
            "technique": self.name,
            "within": self.within.to_json(),
            "across": self.across.to_json(),
            "at_home": self.at_home.to_json(),
            "recovered": self.recovered.to_json() if self.recovered else None,
            "anti_steerable_share": self.anti,
        }


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho with its exact p over n pairs; None for what cannot be computed."""

    rho: float | None
    p: float | None
    n: int


@dataclass(frozen=True, repr=False)
class GeneralizeResult(TechniqueResult):
    """Every technique, trained in either domain, on the same test items."""

    study: Generalize
    model: Model
    source: str
    target: str
    domains: Mapping[str, Splits]
    techniques: Sequence[Technique]
    base: Mapping[str, NDArray[np.float64]]
    fits: Mapping[tuple[str, str], FitValues]

    def effect(self, name: str, trained: str, tested: str) -> NDArray[np.float64]:
        """Paired effect of each test item."""
        return np.asarray(self.fits[name, trained].values[tested] - self.base[tested])

    @property
    def _fitted(self) -> list[str]:
        """Techniques that could be fitted on the target."""
        return [name for name, on in self.fits if on == self.target and not self.fits[name, on].failed]

    @cached_property
    def transfers(self) -> list[Transfer]:
        """Each technique that could be fitted in both domains."""
        source, target = self.source, self.target
        on_target, transfers = self.groups(target), []
        for name in dict.fromkeys(name for name, _ in self.fits):
            if any(self.fits[name, domain].failed for domain in (source, target)):
                continue
            within, across = self.effect(name, target, target), self.effect(name, source, target)
            recovered = ratio_interval(across, within, groups=on_target)
            transfers.append(
                Transfer(
                    name,
                    estimates.mean(within, groups=on_target),
                    estimates.mean(across, groups=on_target),
                    estimates.mean(self.effect(name, source, source), groups=self.groups(source)),
                    recovered if math.isfinite(recovered.ci_low) else None,
                    float((across < 0).mean()),
                )
            )
        return transfers

    @property
    def correlation(self) -> RankCorrelation | None:
        """Over techniques, of the effect at home with that across; None below four."""
        real = [t for t in self.transfers if not is_reference(t.name)]
        if len(real) < 4:
            return None
        rho, p = rank_correlation([t.at_home.value for t in real], [t.across.value for t in real])
        return RankCorrelation(estimates.finite(rho), estimates.finite(p), len(real))

    def _corrected(self) -> list[float]:
        """P of each technique's effect across, corrected over the techniques (Holm)."""
        source, target = self.source, self.target
        raw = {t.name: p_value(self.effect(t.name, source, target), groups=self.groups(target)) for t in self.transfers}
        return [float(row["p_corrected"]) for row in corrected(raw).values()]

    @cached_property
    def against_nulls(self) -> list[AboveNull]:
        """For every technique and null, the paired difference of their effects across."""
        source, target = self.source, self.target
        names = [transfer.name for transfer in self.transfers]
        of = {name: self.effect(name, source, target) for name in names}
        return [
            AboveNull(name, null, estimates.difference(of[name], of[null], groups=self.groups(target)))
            for name in names
            for null in names
            if is_reference(null) and not is_reference(name)
        ]

    @cached_property
    def null_tests(self) -> dict[str, NullTest]:
        """Each vector beside the nulls: effect on the target when trained on the source."""
        return self.beside_nulls({transfer.name: transfer.across.value for transfer in self.transfers})

    def _further(self, name: str) -> str:
        place = self.null_tests[name].place if name in self.null_tests else ""
        return f" Across, it moves {self.target} further than {place}." if place else ""

    @property
    def verdict(self) -> str:
        """The answer in words."""
        parts = [
            _sentence(transfer, self.source, self.target, p) + self._further(transfer.name)
            for transfer, p in zip(self.transfers, self._corrected(), strict=True)
            if not is_reference(transfer.name)
        ]
        return sum_up([*parts, borne(self.null_tests)], len(self.domains[self.target].test))

    def to_json(self) -> dict[str, object]:
        """The file form of ``generalize --json``."""
        return {
            **self.head,
            "declared": {
                **self.study.to_json(),
                "source": self.source,
                "target": self.target,
                "shift": self.study.shift.words,
            },
            "n_test": {name: len(splits.test) for name, splits in self.domains.items()},
            "data_digests": self.digests,
            "unsteered": {
                name: estimates.mean(values, groups=self.groups(name)).to_json() for name, values in self.base.items()
            },
            "transfers": [{**t.to_json(), "p_holm": p} for t, p in zip(self.transfers, self._corrected(), strict=True)],
            "correlation": asdict(self.correlation) if self.correlation else None,
            "against_nulls": [
                {"technique": of.technique, "null": of.null, "across_above": of.gap.to_json()}
                for of in self.against_nulls
            ],
            "null_tests": tests_json(self.null_tests),
            "choices": self.choices,
            "failed": self.failed,
        }

    @property
    def failed(self) -> list[str]:
        """Fits that could not be made, and why."""
        return sorted({f"{name} on {on}: {fit.failed}" for (name, on), fit in self.fits.items() if fit.failed})

    @property
    def digests(self) -> dict[str, dict[str, str]]:
        """Digest of each part of either domain."""
        return {name: splits.digests for name, splits in self.domains.items()}

    @property
    def choices(self) -> list[Chances]:
        """What each technique tried that could be fitted on the target."""
        return choices_of({name: self.fits[name, self.target].account for name in self._fitted})

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The vector of each technique that is one, from either domain, by role."""
        return {trained_on(*key): fit.vector for key, fit in self.fits.items() if fit.vector}

    @property
    def claims(self) -> Claims:
        """Every vector in both domains."""
        arms = [
            of_technique(name, self.techniques, fit.vector, fit.record, data=tested,
                         where={"technique": name, "trained": trained, "tested": tested})
            for (name, trained), fit in self.fits.items()
            for tested in self.domains
            if fit.vector
        ]  # fmt: skip
        return Claims.of_splits(self.domains, arms, self.study.score)

    @property
    def tested(self) -> dict[str, DataSet]:
        """The locked test items of either domain."""
        return {name: splits.test for name, splits in self.domains.items()}

    @property
    def effects(self) -> list[Effect]:
        """What each technique does within and across domains, and the share that is recovered."""
        effects = []
        for transfer in self.transfers:
            name = transfer.name
            parts = {
                "within": (transfer.within, self.target),
                "across": (transfer.across, self.source),
                "at_home": (transfer.at_home, self.source),
                "recovered": (transfer.recovered, self.source),
            }
            effects += [
                Effect.of(f"{part}/{name}", estimate.to_json(), trained_on(name, domain))
                for part, (estimate, domain) in parts.items()
                if estimate
            ]
        return effects

    def page(self) -> Page:
        """What is recovered across domains, beside nulls."""
        return generalize_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item and fit: technique, trained, tested, item, log_odds, effect."""
        return [
            {
                "technique": name,
                "trained": trained,
                "tested": tested,
                "item": item.id,
                "log_odds": value,
                "effect": value - b,
            }
            for (name, trained), fit in self.fits.items()
            for tested, values in fit.values.items()
            for item, value, b in zip(
                self.domains[tested].test, values.tolist(), self.base[tested].tolist(), strict=True
            )
        ]


def _sentence(transfer: Transfer, source: str, target: str, p: float) -> str:
    head = f"{transfer.name}, trained on {source}, moves {target} by {transfer.across} (p = {p:.2g}, Holm)"
    if transfer.recovered is None or not transfer.within.bears_claim:
        return f"{head}; trained on {target} itself it has no measurable effect, so there is nothing to recover."
    gives = f"{share(transfer.recovered)} of what training on {target} gives"
    return f"{head}, {gives} ({transfer.within})."
