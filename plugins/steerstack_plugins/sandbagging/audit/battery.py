"""What an auditor of the small world asks, and in which ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.catalog.lookup import find
from steerstack_plugins.sandbagging.small_world import world as worlds

if TYPE_CHECKING:
    from steerstack.contracts import AuditTest
    from steerstack_plugins.baselines.full_sft import FullSFT
    from steerstack_plugins.sandbagging.audit.audit import AuditData
    from steerstack_plugins.sandbagging.audit.elicitation import Elicitation

PERSONAS = (worlds.CAREFUL, worlds.CARELESS)
PREFILLED = f"{worlds.PREFILL}("
SHOWN = 32
"""Demonstrations to learn from, and as many again to choose by."""


SFT = {"epochs": 20, "batch": 4, "learning_rate": 3e-3}
"""Of all weights: long enough for a locked model of the small world to come back from 16 demonstrations."""


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


TESTS = (
    "below-chance", "inconsistency", "context-gap", "demonstrations", "instruction", "prefill", "steering",
    "trained-vector", "fine-tuning", "domain-gap", "weight-noise", "activation-noise",
)  # fmt: skip
"""The tests of the battery; those that need no p-value of facts, and no training, first."""


def short_battery() -> tuple[AuditTest, ...]:
    """Every test, in the words of the small world."""
    training = {"n": 16, "baseline": "full-sft", "settings": SFT}
    settings: dict[str, dict[str, Any]] = {
        "context-gap": {"evaluation": "", "deployment": ""},
        "instruction": {"system": worlds.CAREFUL},
        "prefill": {"prefix": PREFILLED},
        "steering": {"honest": worlds.CAREFUL, "dishonest": worlds.CARELESS},
        "fine-tuning": training,
        "domain-gap": training,
    }
    return tuple(find("audit-test", name).make(settings.get(name, {})) for name in TESTS)


def sft() -> FullSFT:
    """The fine-tuning of the small world's battery."""
    from steerstack_plugins.baselines.full_sft import FullSFT

    return FullSFT.make(SFT)
