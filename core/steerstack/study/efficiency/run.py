"""Run a study of sample efficiency: every technique, at every size, by every seed, on the same test items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steerstack.data.splits import Splits
from steerstack.errors import StudyError
from steerstack.measure.competence import check_competence
from steerstack.study.efficiency.result import EfficiencyResult
from steerstack.study.fit_step import Fit, fit_and_measure, unsteered
from steerstack.study.session import Session
from steerstack.techniques.labels.mistakes import readiness_of
from steerstack.techniques.labels.subsets import labelled_items, subset
from steerstack.techniques.technique import check_techniques

if TYPE_CHECKING:
    from steerstack.study.efficiency.study import Efficiency


def run_efficiency(study: Efficiency, session: Session) -> EfficiencyResult:
    """Run the study, or go on with one that was stopped.

    Raises
    ------
    StudyError
        There are fewer training items than the largest size asks for, or the labeller errs on fewer than are to be
        wrong.
    """
    model, splits, ledger = session.model, session.splits, session.ledger
    techniques = study.treated(session.data.behavior)
    check_techniques(model, techniques, [session.data])
    check_sizes(study.sizes, splits)
    competence = check_competence(model, splits.validation, study.score)
    tests = {"test": splits.test}
    base = unsteered(ledger, model, tests, study.score)["test"]
    labeller = study.labeller.make("labeller")
    pool = labelled_items(splits)
    readiness = readiness_of(labeller, pool, model, ledger) if any(study.noise) else None
    todo: dict[tuple[str, float, int, int], Fit] = {}
    for technique in techniques:
        for noise in study.noise:
            for n in study.sizes:
                for seed in range(study.seeds):
                    part = subset(splits, n, seed=seed, noise=noise, readiness=readiness)
                    if part.wrong < round(noise * n):
                        raise StudyError(
                            f"{labeller.name} does not get {noise:.0%} of {n} labels wrong.",
                            seen=f"{part.wrong} of {n} items on which it ever errs, by seed {seed}",
                            fix="Ask for a smaller share, or take another labeller.",
                        )
                    what = f"{technique.name}, n = {n}, {noise:.0%} flipped, seed {seed}"
                    todo[technique.name, noise, n, seed] = Fit(
                        what, technique, part.train, part.validation, tests, study.score, seed
                    )
    fits = fit_and_measure(ledger, todo, model, progress=session.progress)
    return EfficiencyResult(study, model, splits, techniques, base, fits, competence)


def check_sizes(sizes: Sequence[int], splits: Splits) -> None:
    """Refuse sizes that the data cannot fill."""
    have = len(splits.train) + len(splits.validation)
    if not sizes or min(sizes) < 1 or list(sizes) != sorted(set(sizes)) or max(sizes) > have:
        raise StudyError(
            f"The sizes {', '.join(map(str, sizes)) or 'given'} cannot be drawn.",
            seen=f"{have} items for training and choices, {len(splits.test)} locked for the test",
            fix=f"Give ascending sizes from 1 to {have}.",
        )
