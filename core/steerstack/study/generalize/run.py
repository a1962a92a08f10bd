"""Run a study of generalisation: every technique trained in either domain, tested in both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet
from steerstack.data.splits import split
from steerstack.study.fit_step import Fit, fit_and_measure, unsteered
from steerstack.study.forecast import Forecast, forecast_fits
from steerstack.study.generalize import domains
from steerstack.study.generalize.result import GeneralizeResult
from steerstack.study.session import Session
from steerstack.techniques.technique import check_techniques

if TYPE_CHECKING:
    from steerstack.study.generalize.study import Generalize


def run_generalize(study: Generalize, session: Session) -> GeneralizeResult:
    """Run the study, or go on with one that was stopped."""
    model, ledger = session.model, session.ledger
    techniques = study.treated(session.data.behavior)
    kinds = domains_of(study, session)
    check_techniques(model, techniques, kinds.values())
    splits = {name: split(data, seed=study.seed) for name, data in kinds.items()}
    tests = {name: of.test for name, of in splits.items()}
    base = unsteered(ledger, model, tests, study.score)
    todo = {
        (technique.name, name): Fit(
            f"{technique.name} trained on {name}", technique, of.train, of.validation, tests, study.score, study.seed
        )
        for technique in techniques
        for name, of in splits.items()
    }
    fits = fit_and_measure(ledger, todo, model, progress=session.progress)
    source, target = splits
    return GeneralizeResult(study, model, source, target, splits, techniques, base, fits)


def forecast_generalize(study: Generalize, session: Session) -> Forecast:
    """What it will take."""
    *_, target = domains_of(study, session).values()
    splits = split(target, seed=study.seed)
    size = len(splits.train) + len(splits.validation)
    techniques = study.treated(session.data.behavior)
    return forecast_fits(session.model, splits, techniques, [size], 2, study.score, test_sets=2)


def domains_of(study: Generalize, session: Session) -> dict[str, DataSet]:
    """The two domains by name: the source, which is trained on, and then the target."""
    shift, data = study.shift, session.data
    if shift.topic:
        return domains.by_topic(data, shift.topic)
    if shift.above is not None:
        return domains.by_number(session.model, data, shift.above)
    if shift.user:
        return domains.by_user(data, shift.user)
    if shift.system:
        return domains.by_system(data, shift.system)
    if shift.data:
        other = load_data(shift.data, behavior=study.behavior, matching=study.matching)
        return {"source": data, "target": other.limit(study.limit)}
    return domains.by_hardness(session.model, data, "length" if shift.length else "margin", study.score)
