"""The card of a vector: what it is, what it does, what it costs, where it fails. In Markdown."""

from collections.abc import Iterator, Mapping
from typing import Any

from steerstack.report import failures
from steerstack.report.page import interval
from steerstack.report.samples import samples_section
from steerstack.steering.vector import SteeringVector


def vector_card(vector: SteeringVector) -> str:
    """What a vector is and where it comes from; digests last."""
    return "\n".join([*_facts(vector), "", *_fingerprints(vector)])


def stack_card(vector: SteeringVector, value: Mapping[str, Any]) -> str:
    """The card of a vector with the effects of a stacking study."""
    said = samples_section(value.get("samples"))
    fails = failures.section(failures.of_stack(value))
    return "\n".join([*_facts(vector), "", *_effects(value), "", *said, "", fails, "", *_fingerprints(vector)])


def sweep_card(vector: SteeringVector, value: Mapping[str, Any]) -> str:
    """The card of a vector with what a sweep found."""
    does = ["## What it does", "", value["verdict"], "", *samples_section(value.get("samples")), ""]
    fails = failures.section(failures.of_sweep(value))
    return "\n".join([*_facts(vector), "", *does, fails, "", *_fingerprints(vector)])


def _facts(vector: SteeringVector) -> list[str]:
    origin, layers = vector.origin, vector.layers
    return [
        f"# {origin.behavior}: {origin.method} on {origin.model_name}",
        "",
        f"- **Method** {origin.method}, read at `{origin.position}`, `{vector.component}`, basis `{origin.basis}`, "
        f"from {origin.n_pairs} training pairs",
        f"- **Layers** {layers[0]} to {layers[-1]}, width {vector.d_model}, "
        f"norms {min(vector.norms.values()):.2f} to {max(vector.norms.values()):.2f}",
    ]


def _fingerprints(vector: SteeringVector) -> list[str]:
    origin = vector.origin
    return [
        "## Fingerprints",
        "",
        f"- **Vector** `{vector.fingerprint[:12]}`",
        f"- **Model** {origin.model_name} `{origin.model_fingerprint[:12]}`",
        f"- **Training pairs** `{origin.data_digest[:12]}`",
    ]


def _effects(value: Mapping[str, Any]) -> Iterator[str]:
    chosen, strength = value["selected"], value["strength"]
    yield "## What it does"
    yield ""
    yield value["verdict"]
    yield ""
    yield (
        f"Measured at layer {chosen['layer']}, multiplier {chosen['scale']:g} "
        f"({strength['share_of_residual_norm']:.0%} of the residual norm), chosen on validation among "
        f"{chosen['choices_tried']} settings; scored by {value['score']} on {value['n']['test']} locked test items."
    )
    yield ""
    yield "| fine-tune | vector from | prompt | vector | effect and 95 % interval |"
    yield "|---|---|---|---|---|"
    for arm in value["arms"]:
        if arm["vector"] != "none":
            where = f"{arm['finetune']} | {arm['vector_origin']} | {arm['prompt']} | {arm['vector']}"
            yield f"| {where} | {interval(arm['effect'])} |"
    yield ""
    yield "## What it costs"
    yield ""
    for cost in value["costs"]:
        yield (
            f"- {cost['vector']} on {cost['finetune']} ({cost['vector_origin']}): KL {cost['kl']:.3f} nats per token, "
            f"perplexity {cost['perplexity']:.1f} on neutral text"
        )
    yield ""
    yield "## Nulls"
    yield ""
    for null in value["nulls"]:
        yield f"- {null['null']}: {interval(null['effect'])}"
    if value["warning"]:
        yield ""
        yield f"**Caution.** {value['warning']}"
