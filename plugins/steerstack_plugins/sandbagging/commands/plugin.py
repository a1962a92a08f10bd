"""The commands ``sandbag`` and ``audit`` of steerstack's command line, and the auditors and tests that come with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.catalog.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from steerstack.contracts import Auditor, AuditTest


@hookimpl
def steerstack_commands() -> Mapping[str, Callable[..., Any]]:
    """Demonstration, calibration, the game, and the audit of a model."""
    from steerstack_plugins.sandbagging.commands.app import app, audit

    return {"sandbag": app, "audit": audit}


@hookimpl
def steerstack_auditors() -> Sequence[type[Auditor]]:
    """Each of them."""
    from steerstack_plugins.sandbagging.auditors.battery import Battery
    from steerstack_plugins.sandbagging.auditors.below_chance import BelowChance

    return [Battery, BelowChance]


@hookimpl
def steerstack_audit_tests() -> Sequence[type[AuditTest]]:
    """Each of them."""
    from steerstack_plugins.sandbagging.audit_tests import gains, knowledge, noise, plain, reinforcement

    return [
        plain.Shortfall,
        plain.Inconsistency,
        plain.ContextGap,
        gains.DemonstrationGain,
        gains.InstructionGain,
        gains.PrefillGain,
        gains.SteeringGain,
        gains.TrainedVectorGain,
        gains.FineTuningGain,
        gains.DomainGap,
        noise.WeightNoiseGain,
        noise.ActivationNoiseGain,
        knowledge.KnowledgeProbe,
        reinforcement.ReinforcementGain,
        reinforcement.SFTThenGRPOGain,
    ]
