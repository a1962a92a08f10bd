"""Run a sweep: every arm, every null, the cost of each, on the same items."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from steerstack.catalog.data import other_behaviors
from steerstack.catalog.manager import plugins
from steerstack.contracts import Extractor
from steerstack.data.items import DataSet
from steerstack.measure.competence import check_competence
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.forecast import Forecast, forecast_arms
from steerstack.study.method_ref import vector_at
from steerstack.study.session import Session
from steerstack.study.sweep.result import SweepResult
from steerstack.techniques.apply import apply
from steerstack.techniques.null_vectors import neighbor_vectors, now, null_vectors

if TYPE_CHECKING:
    from steerstack.study.sweep.study import Sweep


def run_sweep(study: Sweep, session: Session) -> SweepResult:
    """Run a sweep, or go on with one that was stopped.

    Raises
    ------
    SiteError
        A layer that the vector or the model does not have.
    VectorError
        The vector is not there, or does not fit the model.
    """
    vector, data, train = _vector(study, session)
    session.progress.phase("nulls")
    families, nulls = _nulls(study, session, train or data, vector)
    tokens, edit = Tokens.parse(study.tokens), study.edit_method
    plans = [apply(vector, layer, scale, tokens=tokens, edit=edit) for layer, scale in study.places]
    places = [(name, layer) for name in nulls for layer in study.layers]
    empty = [apply(nulls[name], layer, study.strongest, tokens=tokens, edit=edit) for name, layer in places]
    arms = [session.arm("unsteered"), *(session.arm("", plan) for plan in [*plans, *empty])]
    values, costs = session.measure.together(session.model, [session.score(data, arms, "sweep"), session.cost(plans)])
    competence = check_competence(session.model, data, study.score)
    steered, rest = values[1 : 1 + len(plans)], values[1 + len(plans) :]
    of_nulls = dict(zip(places, rest, strict=True))
    heard = {f"layer {at}, scale {scale:g}": apply(vector, at, scale, tokens=tokens, edit=edit)
             for at, scale in study.heard}  # fmt: skip
    samples = session.samples({"unsteered": Plan(), **heard}, data) if heard else None
    return SweepResult(
        study, session.model, data, vector, values[0], steered, costs, competence, of_nulls, families, train, samples
    )


def forecast_sweep(study: Sweep, session: Session) -> Forecast:
    """What a sweep will take."""
    vector, data, _ = _vector(study, session)
    plan = apply(vector, study.layers[0], study.strongest, edit=study.edit_method)
    arms = len(study.places) + (2 * study.nulls + study.neighbors) * len(study.layers)
    return forecast_arms(session.model, data, study.score, [("every arm", len(data), arms)], plan)


def _vector(study: Sweep, session: Session) -> tuple[SteeringVector, DataSet, DataSet | None]:
    """The vector, the items to sweep it over, and those that it was found on where that happened now."""
    data, train = session.data, None
    if study.vector is not None:
        vector = vector_at(study.vector)
        session.model.check_vector(vector, transfer=study.transfer)
    else:
        session.progress.phase("extraction")
        splits = session.splits
        data, train = data.take((*splits.validation.items, *splits.test.items)), splits.train
        vector = session.extract(study.method.make("extractor"), train, position=study.position)
    for layer in study.layers:
        session.model.check_site(vector.site(layer))
    return vector, data, train


def _nulls(
    study: Sweep, session: Session, data: DataSet, vector: SteeringVector
) -> tuple[dict[str, str], dict[str, SteeringVector]]:
    """Random vectors, and, where the vector's method is at hand, those of shuffled labels and of other behaviours.

    Shuffled labels are those of the items that the vector was found on, where that happened now; a vector that is
    given is compared with what the method makes of the items at hand.

    By name: the family of each null, and every vector.
    """
    position = None if vector.origin.position == "unknown" else vector.origin.position
    model, method, here = session.model, _method(vector), vector.keeping(study.layers)
    once = partial(session.vector_once, method) if method else now
    nulls = null_vectors(model, data, here, method, position=position, count=study.nulls, seed=study.seed, once=once)
    others = other_behaviors(data.behavior, study.neighbors)
    near = neighbor_vectors(model, others, here, method, position=position, pairs=len(data), once=once)
    families: dict[str, str] = {one.name: one.family for one in nulls}
    return families, {one.name: one.vector for one in nulls} | near


def _method(vector: SteeringVector) -> Extractor | None:
    """The method by which a vector was found, with its parameters, if it is installed."""
    made_by = plugins().offers("extractor").get(vector.origin.method)
    return made_by.make(vector.origin.parameters) if made_by else None
