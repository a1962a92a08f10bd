"""Generalisation: what a technique learned on one kind of item does on another."""

from __future__ import annotations

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
from steerstack.stats import estimates
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.fit_step import FitValues
from steerstack.study.generalize.answer import GeneralizeAnswer, Transfer
from steerstack.study.generalize.page import generalize_page
from steerstack.study.null_test import tests_json
from steerstack.study.technique_result import TechniqueResult
from steerstack.study.vector_roles import trained_on
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.generalize.study import Generalize


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

    @cached_property
    def answer(self) -> GeneralizeAnswer:
        """What the items say."""
        return self.study.answer(self.items)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        return self.answer.verdict

    @property
    def transfers(self) -> list[Transfer]:
        """Each technique that could be fitted in both domains."""
        return self.answer.transfers

    @property
    def _fitted(self) -> list[str]:
        """Techniques that could be fitted on the target."""
        return [name for name, on in self.fits if on == self.target and not self.fits[name, on].failed]

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
            "transfers": [{**of.to_json(), "p_holm": self.answer.corrected[of.name]} for of in self.transfers],
            "correlation": asdict(rank) if (rank := self.answer.correlation) else None,
            "against_nulls": [
                {"technique": of.technique, "null": of.null, "across_above": of.gap.to_json()}
                for of in self.answer.against_nulls
            ],
            "null_tests": tests_json(self.answer.null_tests),
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
