"""Bring results to the registry, by events, so that the core knows no MLflow."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack import digest
from steerstack.data import DataSet
from steerstack.errors import PluginError
from steerstack.events import EffectRecord, Recorded, Recorder, RunRecord
from steerstack.listening import tell
from steerstack.plugins import plugins
from steerstack.report.card import stack_card, vector_card
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector

if TYPE_CHECKING:
    from steerstack.study.stacking import StackResult


def recorder() -> Recorder:
    """The installed recorder.

    Raises
    ------
    PluginError
        None is installed, or it failed to import.
    """
    manager = plugins()
    for cls in manager.recorders().values():
        return cls()
    causes = "; ".join(f"{plugin.name}: {plugin.cause}" for plugin in manager.failed)
    raise PluginError("No recorder is installed.", seen=causes or "none", fix="Reinstall steerstack.")


def _keep(run: RunRecord, tracking_uri: str | None) -> Recorded:
    recorded = recorder().record(run, tracking_uri=tracking_uri)
    tell("recorded", f"{run.kind} {run.behavior}", **asdict(recorded))
    return recorded


def load_vector(source: str | Path, *, tracking_uri: str | None = None) -> SteeringVector:
    """A vector from a file, or from the registry: ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``.

    Raises
    ------
    VectorError
        The file is missing or no vector.
    RegistryError
        There is no such registered vector, or the store cannot be reached.
    """
    if str(source).startswith("models:/"):
        return recorder().load_vector(str(source), tracking_uri=tracking_uri)
    return SteeringVector.load(source)


def record_vector(vector: SteeringVector, model: Model, data: DataSet, *, tracking_uri: str | None) -> Recorded:
    """Keep a vector without any effect yet."""
    run = RunRecord(
        kind="extract",
        behavior=data.behavior,
        model_name=model.name,
        model_fingerprint=model.fingerprint,
        data_source=data.source,
        data_digest=data.digest,
        data_split="train",
        n_items=len(data),
        vectors={"base": vector},
        card=vector_card(vector),
    )
    return _keep(run, tracking_uri)


def _effect(name: str, estimate: Mapping[str, Any]) -> EffectRecord:
    return EffectRecord(name, estimate["value"], estimate["ci_low"], estimate["ci_high"], estimate["n"])


def stack_effects(value: Mapping[str, Any]) -> Iterator[EffectRecord]:
    """The effects of a stacking result by name: ``effect/...`` against the bare model, ``interaction/...``."""
    for arm in value["arms"]:
        if arm["vector"] == "none" and arm["vector_origin"] == "refitted":
            continue  # the same arm is listed under "transferred"
        parts = {"prompt": arm["prompt"], "vector": arm["vector"], "finetune": arm["finetune"]}
        present = [f"{what}-{level}" for what, level in parts.items() if level != "none"]
        if not present:
            continue
        name = "alone" if present == ["vector-positive"] else "+".join(present)
        if arm["vector"] != "none" and arm["finetune"] != "none":
            name += f" {arm['vector_origin']}"
        yield _effect(f"effect/{name}", arm["effect"])
    for entry in value["interactions"]:
        if entry["scale"] == "log-odds":
            on = "x".join(entry["of"]) + f" {entry['direction']}"
            where = " ".join(entry[key] for key in ("finetune", "vector_origin") if key in entry)
            yield _effect(f"interaction/{on} {where}".strip(), entry["estimate"])
    for null in value["nulls"]:
        yield _effect(f"null/{null['null']}", null["effect"])


def _costs(value: Mapping[str, Any]) -> Iterator[EffectRecord]:
    for cost in value["costs"]:
        on = "" if cost["finetune"] == "none" else f" on {cost['finetune']} {cost['vector_origin']}"
        yield _effect(f"kl/vector-{cost['vector']}{on}", cost["kl_estimate"])


def record_stack(
    result: "StackResult", value: Mapping[str, Any], files: list[Path], *, tracking_uri: str | None
) -> dict[str, Any]:
    """Keep a stacking result: its vectors, its effects, its report. Returns where."""
    chosen = result.chosen
    parameters = {
        "score": result.study.score,
        "position": result.study.position,
        "tokens": result.study.tokens,
        "layer": chosen.layer,
        "scale": chosen.scale,
        "choices_tried": len(chosen.tried),
        "seed": result.study.seed,
        "finetunes": ",".join(result.refitted) or "none",
    }
    run = RunRecord(
        kind="stack",
        behavior=result.study.behavior,
        model_name=result.model.name,
        model_fingerprint=result.model.fingerprint,
        data_source=result.splits.test.source,
        data_digest=result.splits.test.digest,
        data_split="test",
        n_items=len(result.splits.test),
        vectors={"base": result.vector, **{f"refitted on {name}": v for name, v in result.refitted.items()}},
        effects=[*stack_effects(value), *_costs(value)],
        parameters=parameters,
        files=files,
        result=value,
        card=stack_card(result.vector, value),
    )
    return asdict(_keep(run, tracking_uri))


def study_effects(value: Mapping[str, Any]) -> Iterator[EffectRecord]:
    """The effects of an efficiency or a generalisation result, by name."""
    for curve in value.get("curves", ()):
        on = f"{curve['technique']}" + (f" {curve['noise']:.0%} flipped" if curve["noise"] else "")
        yield _effect(f"area/{on}", curve["area"])
        for point in curve["points"]:
            yield _effect(f"effect/{on} n={point['size']}", point)
    for transfer in value.get("transfers", ()):
        for part in ("within", "across", "at_home"):
            yield _effect(f"{part}/{transfer['technique']}", transfer[part])
        if transfer["recovered"]:
            yield _effect(f"recovered/{transfer['technique']}", transfer["recovered"])


def record_study(
    result: Any, value: Mapping[str, Any], files: list[Path], *, tracking_uri: str | None
) -> dict[str, Any]:
    """Keep an efficiency or a generalisation result: its effects, its report, its item-level frame. Returns where."""
    digests = value["data_digests"]
    run = RunRecord(
        kind=value["study"],
        behavior=value["behavior"],
        model_name=result.model.name,
        model_fingerprint=result.model.fingerprint,
        data_source=result.study.behavior,
        data_digest=str(digests.get("test") or digest.of_json(digests)),
        data_split="test",
        n_items=value["n_test"] if isinstance(value["n_test"], int) else sum(value["n_test"].values()),
        vectors={},
        effects=list(study_effects(value)),
        parameters={key: part for key, part in value["declared"].items() if not isinstance(part, list | dict)},
        files=files,
        result=value,
        card=value["verdict"],
    )
    return asdict(_keep(run, tracking_uri))
