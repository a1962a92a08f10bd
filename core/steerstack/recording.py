"""Bring results to the registry, by events, so that the core knows no MLflow."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack import digest, sharing
from steerstack.data import DataSet
from steerstack.events import MAIN, EffectRecord, Recorded, RunRecord
from steerstack.listening import tell
from steerstack.recorders import recorder as recorder
from steerstack.report.card import stack_card, sweep_card, vector_card
from steerstack.study.claims import Claims
from steerstack.study.roles import held, of_interaction, of_origin, refitted_on, trained_on, with_items
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector

if TYPE_CHECKING:
    from steerstack.study.stacking import StackResult


def record_run(run: RunRecord, *, tracking_uri: str | None) -> Recorded:
    """Keep a run, of ours or one that a plugin describes, and tell listeners."""
    recorded = recorder().record(run, tracking_uri=tracking_uri)
    tell("recorded", f"{run.kind} {run.behavior}", **asdict(recorded))
    return recorded


def load_vector(source: str | Path, *, tracking_uri: str | None = None) -> SteeringVector:
    """A vector from a file, from the registry, or from a vector folder.

    The registry's are ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``; folders are ``hf://OWNER/NAME``
    or any other fsspec address, and their checksums are verified.

    Raises
    ------
    VectorError
        The file is missing or no vector.
    RegistryError
        There is no such registered vector, or the store cannot be reached.
    """
    if str(source).startswith("models:/"):
        return recorder().load_vector(str(source), tracking_uri=tracking_uri)
    if sharing.is_address(str(source)):
        return sharing.load(str(source))
    if Path(source).is_dir():
        return sharing.read_folder(Path(source), str(source))
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
        vectors={MAIN: vector},
        result={"claims": Claims(tested={}, trained={"train": data}).to_json()},
        card=vector_card(vector),
    )
    return record_run(run, tracking_uri=tracking_uri)


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
        yield EffectRecord.of(f"effect/{name}", arm["effect"], of_origin(arm["vector_origin"], arm["finetune"]))
    for entry in value["interactions"]:
        if entry["scale"] == "log-odds":
            on = "x".join(entry["of"]) + f" {entry['direction']}"
            where = " ".join(entry[key] for key in ("finetune", "vector_origin") if key in entry)
            yield EffectRecord.of(f"interaction/{on} {where}".strip(), entry["estimate"], of_interaction(entry))
    for other in value["companions"]:
        yield EffectRecord.of(f"effect/{other['vector']} alone", other["effect"])
        yield EffectRecord.of(f"effect/vector, then {other['vector']}", other["together"])
    for null in value["nulls"]:
        yield EffectRecord.of(f"null/{null['null']}", null["effect"])


def _costs(value: Mapping[str, Any]) -> Iterator[EffectRecord]:
    for cost in value["costs"]:
        on = "" if cost["finetune"] == "none" else f" on {cost['finetune']} {cost['vector_origin']}"
        role = of_origin(cost["vector_origin"], cost["finetune"])
        yield EffectRecord.of(f"kl/vector-{cost['vector']}{on}", cost["kl_estimate"], role)


def record_result(
    result: Any, value: Mapping[str, Any], files: list[Path], *, tracking_uri: str | None
) -> dict[str, Any]:
    """Keep a study's result: its vectors, effects, report and item-level frame. Returns where."""
    make = _stack_run if "selected" in value else _study_run
    return asdict(record_run(make(result, value, files), tracking_uri=tracking_uri))


def _stack_run(result: "StackResult", value: Mapping[str, Any], files: list[Path]) -> RunRecord:
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
    return RunRecord(
        kind="stack",
        behavior=result.study.behavior,
        model_name=result.model.name,
        model_fingerprint=result.model.fingerprint,
        data_source=result.splits.test.source,
        data_digest=result.splits.test.digest,
        data_split="test",
        n_items=len(result.splits.test),
        vectors={MAIN: result.vector, **{refitted_on(name): v for name, v in result.refitted.items()}},
        effects=[*stack_effects(value), *_costs(value)],
        parameters=parameters,
        files=files,
        result={**value, "claims": result.claims.to_json()},
        card=stack_card(result.vector, value),
    )


def study_effects(value: Mapping[str, Any]) -> Iterator[EffectRecord]:
    """The effects of a sweep or of a study of techniques, by name, with the vector that has them."""
    for arm in value.get("arms", ()):
        yield EffectRecord.of(f"effect/layer {arm['layer']} scale {arm['scale']:g}", arm["effect"])
    for null in value.get("nulls", ()):
        yield EffectRecord.of(f"null/{null['null']} layer {null['layer']}", null["effect"])
    for point in value.get("points", ()):
        yield EffectRecord.of(f"effect/{point['name']}", point["effect"], held(point["technique"]))
    for curve in value.get("curves", ()):
        on = f"{curve['technique']}" + (f" {curve['noise']:.0%} flipped" if curve["noise"] else "")
        yield EffectRecord.of(f"area/{on}", curve["area"], curve["technique"])
        for point in curve["points"]:
            role = with_items(curve["technique"], point["size"], curve["noise"])
            yield EffectRecord.of(f"effect/{on} n={point['size']}", point, role)
    for transfer in value.get("transfers", ()):
        name, domains = transfer["technique"], value["declared"]
        for part, domain in {
            "within": "target",
            "across": "source",
            "at_home": "source",
            "recovered": "source",
        }.items():
            if transfer[part]:
                yield EffectRecord.of(f"{part}/{name}", transfer[part], trained_on(name, domains[domain]))


def _study_run(result: Any, value: Mapping[str, Any], files: list[Path]) -> RunRecord:
    """What the registry keeps of a sweep, or of a study of techniques."""
    digests = value.get("data_digests") or {"test": value["data_digest"]}
    n = value.get("n_test", value.get("n"))
    return RunRecord(
        kind=value["study"],
        behavior=value["behavior"],
        model_name=result.model.name,
        model_fingerprint=result.model.fingerprint,
        data_source=value["data"],
        data_digest=str(digests.get("test") or digest.of_json(digests)),
        data_split="test" if "data_digests" in value else "all",
        n_items=n if isinstance(n, int) else sum(n.values()),
        vectors=result.vectors,
        effects=list(study_effects(value)),
        parameters={key: part for key, part in value.get("declared", {}).items() if not isinstance(part, list | dict)},
        files=files,
        result={**value, "claims": result.claims.to_json()},
        card=sweep_card(result.vector, value) if value["study"] == "sweep" else value["verdict"],
    )
