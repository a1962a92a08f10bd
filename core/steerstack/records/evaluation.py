"""Bring evaluations to the registry: what a vector does to a data set or to metrics, at a given layer and strength.

They say less than a study, which chooses on other items and runs nulls: the account that stands with a known vector
is not replaced by theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from steerstack.catalog.lookup import full_name
from steerstack.catalog.recorder import record_run
from steerstack.contracts.recorder import EVALUATE, MAIN, Effect, RunRecord
from steerstack.errors import StudyError
from steerstack.measure.evaluate import Evaluation
from steerstack.measure.metric import MetricResult
from steerstack.report.card import vector_card
from steerstack.report.html import write_frame
from steerstack.steering.intervention import Plan
from steerstack.study.claims import Claim, Claims
from steerstack.trace.model import Model
from steerstack.util import digest


def record_evaluation(found: Evaluation, applied: Claim, *, tracking_uri: str | None) -> dict[str, object]:
    """Keep what a plan does to a data set; returns where.

    Parameters
    ----------
    found:
        The evaluation.
    applied:
        What its plan applies; without a vector (a plan file) the effect is the run's alone.
    tracking_uri:
        The store; None for the default one.

    Raises
    ------
    RegistryError
        The store cannot be reached; the run is kept locally.
    """
    data, vector = found.data, applied.vector
    effect = Effect.of(f"effect/{_applied(applied)}", found.effect.to_json())
    if vector and vector.origin.behavior != data.behavior:
        effect = replace(effect, name=f"{effect.name} on {data.behavior}")
    claims = Claims({"data": data}, arms=[replace(applied, data="data")] if vector else (), score=found.scores.mode)
    run = RunRecord(
        EVALUATE, data.behavior, found.model.name, found.model.fingerprint, data.source, data.digest, "all", len(data),
        {}, [effect], {"score": found.scores.mode, "engine": found.model.engine},
        result={**found.to_json(), "claims": claims.to_json()},
    )  # fmt: skip
    return _keep(run, applied, found.frame(), tracking_uri)


def record_metrics(
    results: Sequence[MetricResult], value: Mapping[str, Any], model: Model, applied: Claim, *, tracking_uri: str | None
) -> dict[str, object]:
    """Keep what a plan does to each of several metrics; returns where.

    Parameters
    ----------
    results, value:
        The metrics, and all of them as JSON.
    model:
        What was measured.
    applied, tracking_uri:
        As of :func:`record_evaluation`.

    Raises
    ------
    RegistryError
        The store cannot be reached; the run is kept locally.
    """
    named = {full_name("metric", result.metric): result for result in results}
    effects = [
        replace(
            Effect.of(f"metric/{name}", result.effect().to_json()), data=name,
            data_digest=str(result.steered.about.get("data_digest", "")),
        )
        for name, result in named.items()
    ]  # fmt: skip
    whole = digest.of_json([[effect.data, effect.data_digest] for effect in effects])
    run = RunRecord(
        EVALUATE, "metrics", model.name, model.fingerprint, ", ".join(named), whole, "all",
        sum(effect.n for effect in effects), {}, effects, {"metrics": ", ".join(named), "engine": model.engine},
        result=value,
    )  # fmt: skip
    rows = [{"metric": name, **row} for name, result in named.items() for row in result.frame()]
    return _keep(run, applied, rows, tracking_uri)


def check_recordable(plan: Plan) -> None:
    """Refuse, before anything is run, to record what has no effect."""
    if not len(plan):
        raise StudyError(
            "There is no effect to record: nothing is applied.", fix="Give --vector or --plan, or leave out --record."
        )


def _applied(applied: Claim) -> str:
    """What was done, as effects are called."""
    if applied.vector is None:
        return "plan"
    layers = ",".join(map(str, applied.layers))
    edit = f" {applied.edit.name}" if applied.edit else ""
    return f"layer {layers} scale {applied.scale:g}{edit}" + (" under a system prompt" if applied.system else "")


def _keep(
    run: RunRecord, applied: Claim, rows: Sequence[Mapping[str, Any]], tracking_uri: str | None
) -> dict[str, object]:
    """Record with the vector, what was applied, and one row an item."""
    vector = applied.vector
    if vector is not None:
        behavior = run.behavior if vector.origin.behavior == "unknown" else vector.origin.behavior
        strength = {"layer": ",".join(map(str, applied.layers)), "scale": applied.scale, "tokens": applied.tokens}
        prompt = {"system": applied.system} if applied.system else {}
        parameters = {**run.parameters, **strength, **prompt}
        run = replace(run, behavior=behavior, vectors={MAIN: vector}, parameters=parameters, card=vector_card(vector))
    with TemporaryDirectory() as folder:
        return asdict(record_run(replace(run, files=write_frame(rows, Path(folder))), tracking_uri=tracking_uri))
