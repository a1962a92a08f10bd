"""Wrong labels: what each technique keeps of its effect, by labeller and share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from steerstack.contracts.recorder import Effect
from steerstack.data.splits import Splits
from steerstack.measure.competence import Competence
from steerstack.report.page import Page
from steerstack.stats import estimates
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claims, of_technique
from steerstack.study.fair_choices import Chances, choices_of
from steerstack.study.fit_step import FitValues
from steerstack.study.label_errors.answer import LabelErrorsAnswer
from steerstack.study.label_errors.cell import TRUE, LabelCell
from steerstack.study.label_errors.page import label_errors_page
from steerstack.study.null_test import tests_json
from steerstack.study.technique_result import OneSetResult
from steerstack.study.vector_roles import labelled
from steerstack.techniques.technique import Technique
from steerstack.trace.model import Model

if TYPE_CHECKING:
    from steerstack.study.label_errors.run import LabelDraws
    from steerstack.study.label_errors.study import LabelErrors


@dataclass(frozen=True, repr=False)
class LabelErrorsResult(OneSetResult):
    """Every fit, measured on the same locked test items; the first of ``labels`` are the true ones."""

    study: LabelErrors
    model: Model
    splits: Splits
    techniques: Sequence[Technique]
    labels: Sequence[LabelDraws]
    base: NDArray[np.float64]
    fits: Mapping[tuple[str, str, float, int], FitValues]
    competence: Competence

    @cached_property
    def answer(self) -> LabelErrorsAnswer:
        """What the items say."""
        return self.study.answer(self.items)

    @property
    def verdict(self) -> str:
        """The answer in words."""
        return self.answer.verdict

    @property
    def cells(self) -> list[LabelCell]:
        """Every technique under the labels of every labeller, at every share."""
        return self.answer.cells

    @property
    def n_labelled(self) -> int:
        """Labelled items that each fit learnt from."""
        return self.labels[0].parts[0].n

    @property
    def failed(self) -> list[str]:
        """Fits that could not be made, and why."""
        return sorted({f"{name} on {by}: {fit.failed}" for (name, by, *_), fit in self.fits.items() if fit.failed})

    def to_json(self) -> dict[str, object]:
        """The file form of ``label-errors --json``."""
        return {
            **self.head,
            "n_labelled": self.n_labelled,
            "unsteered": estimates.mean(self.base, groups=self.groups()).to_json(),
            "labellers": [
                {"labeller": of.labeller, "asked": of.asked, "wrong": of.share, "test_items": int(of.errs_on.sum())}
                for of in self.labels[1:]
            ],
            "true_labels": {name: of.to_json() for name, of in self.answer.on_true_labels.items()},
            "cells": [one.to_json() for one in self.cells],
            "null_tests": tests_json(self.answer.null_tests),
            "choices": self.choices,
            "failed": self.failed,
        }

    @property
    def choices(self) -> list[Chances]:
        """What each technique tried on true labels."""
        return choices_of({name: self.fits[name, TRUE, 0.0, 0].account for name in self.answer.on_true_labels})

    @property
    def vectors(self) -> dict[str, SteeringVector]:
        """The first seed's vector of each technique that is one, by role; those of true labels first."""
        first = [(name, by, share, fit) for (name, by, share, seed), fit in self.fits.items() if seed == 0]
        ordered = sorted(first, key=lambda entry: entry[2])
        return {labelled(name, by, share): fit.vector for name, by, share, fit in ordered if fit.vector}

    @property
    def claims(self) -> Claims:
        """The first seed's vectors."""
        arms = [
            of_technique(name, self.techniques, fit.vector, fit.record,
                         where={"technique": name, "labeller": by, "noise": share, "seed": 0})
            for (name, by, share, seed), fit in self.fits.items()
            if seed == 0 and fit.vector
        ]  # fmt: skip
        return Claims.of_splits({"test": self.splits}, arms, self.study.score)

    @property
    def effects(self) -> list[Effect]:
        """Each technique's effect on true labels, and what it keeps of it under each labeller's."""
        effects = [Effect.of(f"effect/{name}", of.to_json(), name) for name, of in self.answer.on_true_labels.items()]
        for one in self.cells:
            role = labelled(one.technique, one.labeller, one.asked)
            for what, estimate in (("effect", one.effect), ("recovered", one.recovered), ("bias", one.bias)):
                if estimate is not None and math.isfinite(estimate.value):
                    effects.append(Effect.of(f"{what}/{role}", estimate.to_json(), role))
        return effects

    def page(self) -> Page:
        """What is kept at each share, and where the losses are."""
        return label_errors_page(self)

    def rows(self) -> list[dict[str, object]]:
        """One row an item and fit: log_odds and effect, and what is known of the labels that it learnt from.

        ``n`` and ``wrong`` count the labels of the fit, and those of them that are wrong; ``errs`` says of the test
        item whether it is of the kind that the labeller gets wrong.
        """
        ids, base = [item.id for item in self.splits.test], self.base.tolist()
        draws = {(of.labeller, of.asked): of for of in self.labels}
        rows: list[dict[str, object]] = []
        for (name, by, asked, seed), fit in self.fits.items():
            if fit.failed:
                continue
            of = draws[by, asked]
            about = {"technique": name, "labeller": by, "noise": asked, "seed": seed,
                     "n": of.parts[seed].n, "wrong": of.parts[seed].wrong}  # fmt: skip
            rows += [
                {**about, "item": item, "errs": errs, "log_odds": value, "effect": value - bare}
                for item, errs, value, bare in zip(
                    ids, of.errs_on.tolist(), fit.values["test"].tolist(), base, strict=True
                )
            ]
        return rows
