"""The effects of a stacking result, by the names under which they are recorded."""

from collections.abc import Iterator, Mapping
from typing import Any

from steerstack.contracts.recorder import Effect
from steerstack.study.vector_roles import of_interaction, of_origin


def stack_effects(value: Mapping[str, Any]) -> Iterator[Effect]:
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
        yield Effect.of(f"effect/{name}", arm["effect"], of_origin(arm["vector_origin"], arm["finetune"]))
    for entry in value["interactions"]:
        if entry["scale"] == "log-odds":
            on = "x".join(entry["of"]) + f" {entry['direction']}"
            where = " ".join(entry[key] for key in ("finetune", "vector_origin") if key in entry)
            yield Effect.of(f"interaction/{on} {where}".strip(), entry["estimate"], of_interaction(entry))
    for other in value["companions"]:
        yield Effect.of(f"effect/{other['vector']} alone", other["effect"])
        yield Effect.of(f"effect/vector, then {other['vector']}", other["together"])
    for null in value["nulls"]:
        yield Effect.of(f"null/{null['null']}", null["effect"])
    for other in value["neighbors"]:
        yield Effect.of(f"neighbor/{other['neighbor']}", other["effect"])


def stack_costs(value: Mapping[str, Any]) -> Iterator[Effect]:
    """What each arm costs on neutral text."""
    for cost in value["costs"]:
        on = "" if cost["finetune"] == "none" else f" on {cost['finetune']} {cost['vector_origin']}"
        role = of_origin(cost["vector_origin"], cost["finetune"])
        yield Effect.of(f"kl/vector-{cost['vector']}{on}", cost["kl_estimate"], role)
