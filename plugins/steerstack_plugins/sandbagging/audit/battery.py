"""What an auditor of the small world asks, and in which ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack_plugins.sandbagging.small_world import world as worlds

if TYPE_CHECKING:
    from steerstack_plugins.baselines.full_sft import FullSFT
    from steerstack_plugins.sandbagging.audit.audit import AuditData
    from steerstack_plugins.sandbagging.audit.elicitation import Elicitation

PERSONAS = (worlds.CAREFUL, worlds.CARELESS)
PREFILLED = f"{worlds.PREFILL}("
SHOWN = 32
"""Demonstrations to learn from, and as many again to choose by."""


def audit_data(n: int = 96, *, seed: int = 0, world: int = 0) -> AuditData:
    """Tested items of both subjects in balanced orders, at most ``n`` of each, and demonstrations on other facts.

    Training and validation demonstrations are on different facts of the part ``shown``, so that what
    is learned by heart from the ones does not count on the others.
    """
    from steerstack_plugins.sandbagging.audit.audit import AuditData
    from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations

    examples = worlds.items(worlds.TARGET, "shown", 8 * SHOWN, seed=seed, world=world)
    half = set(sorted({item.group for item in examples})[::2])
    train = [item for item in examples if item.group in half][:SHOWN]
    orders = worlds.questions(worlds.TARGET, "shown", 2 * SHOWN, seed=seed, world=world)
    validation = [item for item in orders if item.group not in half]
    return AuditData(
        worlds.questions(worlds.TARGET, "tested", n, seed=seed, world=world),
        worlds.questions(worlds.CONTROL, "tested", n, seed=seed, world=world),
        Demonstrations(tuple(train), tuple(validation)),
    )


def full_battery() -> tuple[Elicitation, ...]:
    """Demonstrations, prompts, steering, ablation and fine-tuning."""
    from steerstack_plugins.sandbagging.audit.elicitation import (
        FewShotElicitation,
        Finetuned,
        Instructed,
        SteeringElicitation,
    )

    return (
        *(FewShotElicitation(n) for n in (1, 4)),
        Instructed(system=worlds.CAREFUL),
        Instructed(prefix=PREFILLED),
        SteeringElicitation(),
        SteeringElicitation("ablate"),
        SteeringElicitation(systems=PERSONAS),
        SteeringElicitation("ablate", systems=PERSONAS),
        *(Finetuned(n, sft()) for n in (1, 4, 16)),
    )


def short_battery() -> tuple[Elicitation, ...]:
    """One of each kind, for many models."""
    names = {"few-shot 4", f"system {worlds.CAREFUL!r}", f"prefill {PREFILLED!r}", "steering, systems", "SFT 16"}
    return tuple(elicitation for elicitation in full_battery() if elicitation.name in names)


def sft() -> FullSFT:
    """Long enough for a locked model of the small world to come back from 16 demonstrations."""
    from steerstack_plugins.baselines.full_sft import FullSFT

    return FullSFT(epochs=20, batch=4, learning_rate=3e-3)
