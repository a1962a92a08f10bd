"""Run a study of wrong labels: every technique on true labels and on those of every labeller."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from steerstack.data.splits import Splits
from steerstack.errors import StudyError
from steerstack.measure.competence import check_competence
from steerstack.study.fit_step import Fit, fit_and_measure, unsteered
from steerstack.study.label_errors.cell import TRUE
from steerstack.study.label_errors.result import LabelErrorsResult
from steerstack.study.session import Session
from steerstack.techniques.labels.mistakes import readiness_of, wrong
from steerstack.techniques.labels.subsets import Subset, drawn, labelled_items, subset
from steerstack.techniques.null_techniques import is_reference
from steerstack.techniques.technique import check_techniques

if TYPE_CHECKING:
    from steerstack.study.label_errors.study import LabelErrors
    from steerstack.study.method_ref import MethodRef


@dataclass(frozen=True)
class LabelDraws:
    """The labels that one labeller gives at one share of wrong ones.

    Attributes
    ----------
    labeller:
        Its name, with its parameters.
    asked, share:
        The share of wrong labels that was asked for, and the one that there is: a labeller that errs on fewer items
        gets all of those wrong.
    parts:
        What is learnt from, by seed.
    errs_on:
        Of each test item, whether it is of the kind that the labeller gets wrong at this share.
    """

    labeller: str
    asked: float
    share: float
    parts: tuple[Subset, ...]
    errs_on: Bool[NDArray[np.bool_], " item"]


def run_label_errors(study: LabelErrors, session: Session) -> LabelErrorsResult:
    """Run the study, or go on with one that was stopped.

    Raises
    ------
    StudyError
        There are too few labelled items, two labellers are the same, or one never errs.
    """
    model, splits, ledger = session.model, session.splits, session.ledger
    techniques = study.treated(session.data.behavior)
    check_techniques(model, techniques, [session.data])
    count = drawn(study.items, splits)
    tests = {"test": splits.test}
    labels = [true_labels(study, splits, count)]
    for reference in study.labellers:
        labels += labelled_by(study, session, reference, count)
    competence = check_competence(model, splits.validation, study.score)
    base = unsteered(ledger, model, tests, study.score)["test"]
    todo: dict[tuple[str, str, float, int], Fit] = {}
    for technique in techniques:
        for one in labels[:1] if is_reference(technique.name) else labels:  # nulls learn nothing of labels
            for seed, part in enumerate(one.parts):
                what = f"{technique.name}, {one.labeller}, {one.share:.0%} wrong, seed {seed}"
                todo[technique.name, one.labeller, one.asked, seed] = Fit(
                    what, technique, part.train, part.validation, tests, study.score, seed
                )
    fits = fit_and_measure(ledger, todo, model, progress=session.progress)
    return LabelErrorsResult(study, model, splits, techniques, labels, base, fits, competence)


def true_labels(study: LabelErrors, splits: Splits, count: int) -> LabelDraws:
    """The same draws with their true labels."""
    parts = tuple(subset(splits, count, seed=seed) for seed in range(study.seeds))
    return LabelDraws(TRUE, 0.0, 0.0, parts, np.zeros(len(splits.test), dtype=bool))


def labelled_by(study: LabelErrors, session: Session, reference: MethodRef, count: int) -> list[LabelDraws]:
    """What a labeller makes of the draws at each share; a share that it cannot reach is all that it gets wrong, once.

    Raises
    ------
    StudyError
        It gets no item wrong.
    """
    labeller, splits = reference.make("labeller"), session.splits
    pool = labelled_items(splits)
    ready = readiness_of(labeller, pool, session.model, session.ledger)
    on_test = readiness_of(labeller, splits.test, session.model, session.ledger)
    most = sum(value > -math.inf for value in ready.values()) / len(pool)
    if not most:
        raise StudyError(
            f"{called(reference)} gets none of the labels wrong.",
            seen=f"{len(pool)} items for training and choices",
            fix="Take another labeller, or data on which it errs.",
        )
    draws = []
    for noise in sorted(study.noise):
        parts = tuple(subset(splits, count, seed=seed, noise=noise, readiness=ready) for seed in range(study.seeds))
        values = list(ready.values())
        bound = min(values[place] for place in wrong(values, noise, seed=study.seed))
        errs_on = np.array([value >= bound for value in on_test.values()])
        share = float(np.mean([part.wrong / part.n for part in parts]))
        draws.append(LabelDraws(called(reference), noise, share, parts, errs_on))
        if noise >= most:
            break
    return draws


def called(reference: MethodRef) -> str:
    """A labeller as results call it: its name, and its parameters where some were given."""
    return " ".join([reference.name, *(f"{name} {value}" for name, value in reference.parameters.items())])
