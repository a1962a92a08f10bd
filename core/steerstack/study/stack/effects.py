"""The effects of a stacking result, by the names under which they are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from steerstack.contracts.recorder import Effect
from steerstack.study.vector_roles import of_origin

if TYPE_CHECKING:
    from steerstack.stats.estimate import Estimate
    from steerstack.study.stack.result import StackResult


def stack_effects(result: StackResult) -> Iterator[Effect]:
    """The effects by name: ``effect/...`` against the bare model, ``interaction/...``, other vectors, nulls, costs."""
    for arm in (arm for arm in result.arms if arm.cell.listed):
        cell = arm.cell
        parts = {"prompt": cell.prompt, "vector": cell.vector, "finetune": cell.finetune}
        present = [f"{what}-{level}" for what, level in parts.items() if level != "none"]
        if not present:
            continue
        name = "alone" if present == ["vector-positive"] else "+".join(present)
        if cell.vector != "none" and cell.finetune != "none":
            name += f" {cell.origin}"
        yield _effect(f"effect/{name}", arm.effect, of_origin(cell.origin, cell.finetune))
    for entry in (entry for entry in result.interactions if entry.scale == "log-odds"):
        pairing = entry.pairing
        where = [part for part in (pairing.finetune, pairing.origin) if part is not None]
        name = " ".join(["x".join(pairing.of), pairing.direction, *where])
        yield _effect(f"interaction/{name}", entry.estimate, pairing.role)
    for other in result.companions:
        of = other.effects(result.bare, result.groups())
        yield _effect(f"effect/{other.name} alone", of.alone)
        yield _effect(f"effect/vector, then {other.name}", of.together)
    for null in result.nulls.nulls:
        yield _effect(f"null/{null.name}", null.effect(result.bare_there))
    for other_behavior in result.nulls.neighbors:
        yield _effect(f"neighbor/{other_behavior.name}", other_behavior.effect(result.bare_there))
    for cell, cost in result.costs.items():
        on = "" if cell.finetune == "none" else f" on {cell.finetune} {cell.origin}"
        yield Effect.of(f"kl/vector-{cell.vector}{on}", cost["kl_estimate"], of_origin(cell.origin, cell.finetune))


def _effect(name: str, estimate: Estimate, role: str = "") -> Effect:
    return Effect.of(name, estimate.to_json(), role)
