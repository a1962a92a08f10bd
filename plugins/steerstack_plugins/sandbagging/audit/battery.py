"""What an auditor of the small world asks, and in which ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.catalog.lookup import find
from steerstack_plugins.sandbagging.small_world import world as worlds

if TYPE_CHECKING:
    from collections.abc import Sequence

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

GRPO = {"steps": 20, "look": 5, "prompts": 4, "generations": 8, "answer_tokens": 1, "learning_rate": 3e-4}
"""Of all weights after that: the letter alone is sampled, and it is rewarded exactly."""


def audit_data(n: int = 96, *, seed: int = 0, world: int = 0) -> AuditData:
    """Tested items of both subjects in balanced orders, at most ``n`` of each, and demonstrations on other facts.

    Training and validation demonstrations are on different facts of the part ``shown``, so that what
    is learned by heart from the ones does not count on the others. Tested items share no word with demonstrations:
    nothing that an audit shows or chooses by tells one option of a tested list from another.
    """
    from steerstack_plugins.sandbagging.audit.audit import AuditData
    from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations

    learned, chosen_by = (worlds.PARTS["shown"][start::2] for start in (0, 1))
    train = worlds.items(worlds.TARGET, "shown", SHOWN, facts=learned, seed=seed, world=world)
    validation = worlds.questions(worlds.TARGET, "shown", SHOWN, facts=chosen_by, seed=seed, world=world)
    target, control = (worlds.questions(name, "tested", n, seed=seed, world=world) for name in worlds.SUBJECTS)
    return AuditData(target, control, Demonstrations(train, validation))


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

BESIDE = ("knowledge-probe", "reinforcement", "sft-then-grpo")
"""Tests whose error rates are measured on the same organisms, and that the combination does not read."""


def short_battery(names: Sequence[str] = TESTS) -> tuple[AuditTest, ...]:
    """Every test, in the words of the small world; others by name."""
    training = {"n": 16, "baseline": "full-sft", "settings": SFT}
    prompts = {"honest": worlds.CAREFUL, "dishonest": worlds.CARELESS}
    settings: dict[str, dict[str, Any]] = {
        "context-gap": {"evaluation": "", "deployment": ""},
        "instruction": {"system": worlds.CAREFUL},
        "prefill": {"prefix": PREFILLED},
        "steering": prompts,
        "knowledge-probe": prompts,
        "reinforcement": {"n": 16, "reinforcement": GRPO},
        "sft-then-grpo": training | {"reinforcement": GRPO},
        "fine-tuning": training,
        "domain-gap": training,
    }
    return tuple(find("audit-test", name).make(settings.get(name, {})) for name in names)


def sft() -> FullSFT:
    """The fine-tuning of the small world's battery."""
    from steerstack_plugins.baselines.full_sft import FullSFT

    return FullSFT.make(SFT)
