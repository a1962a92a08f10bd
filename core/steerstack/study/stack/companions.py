"""Several vectors together: the study's vector with another one, in either order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.estimate import Estimate
from steerstack.steering.intervention import Plan
from steerstack.steering.vector import SteeringVector
from steerstack.study.session import Session
from steerstack.study.stack.choice import choose_strengths
from steerstack.study.stack.grid import Pairing, Quadruple
from steerstack.techniques.apply import apply
from steerstack.techniques.selection import Candidates, Choice


@dataclass(frozen=True)
class CompanionEffects:
    """What another vector does alone and together with the study's, and what acting last adds; paired.

    ``order`` is None where the two act at different layers.
    """

    alone: Estimate
    together: Estimate
    order: Estimate | None

    @property
    def decided_by(self) -> str:
        """What decides in which order they act."""
        if self.order is None:
            return "the forward pass: they act at different layers"
        return "the plan: they act at the same layer"


@dataclass(frozen=True)
class MeasuredCompanion:
    """Another vector on the base model, unprompted, at the layer and strength chosen for it on validation.

    Attributes
    ----------
    name, vector, choice:
        What it is, and how it was chosen.
    alone:
        The other vector by itself.
    after, before:
        Both, the other vector acting after the study's, or before it. They are one arm where the two act
        at different layers: the forward pass decides their order there.
    """

    name: str
    vector: SteeringVector
    choice: Choice
    alone: ArmValues
    after: ArmValues
    before: ArmValues | None

    @property
    def arms(self) -> dict[str, ArmValues]:
        """Its arms by the names that they have in a frame."""
        both = {self.name: self.alone, f"vector, then {self.name}": self.after}
        return both | ({f"{self.name}, then vector": self.before} if self.before else {})

    def effects(self, unsteered: ArmValues, groups: Sequence[int] | None = None) -> CompanionEffects:
        """Its effect, that of both vectors, and what the order changes."""
        bare = unsteered.log_odds
        alone, together = (estimates.difference(arm.log_odds, bare, groups=groups) for arm in (self.alone, self.after))
        return CompanionEffects(alone, together, self.order(groups))

    def order(self, groups: Sequence[int] | None = None) -> Estimate | None:
        """What acting last changes; None where it cannot change anything."""
        if self.before is None:
            return None
        return estimates.difference(self.after.log_odds, self.before.log_odds, groups=groups)

    def to_json(self, unsteered: ArmValues, groups: Sequence[int] | None = None) -> dict[str, object]:
        """As results hold it."""
        of = self.effects(unsteered, groups)
        return {
            "vector": self.name,
            "vector_fingerprint": self.vector.fingerprint,
            "edit": self.vector.edit,
            "layer": self.choice.layer,
            "scale": self.choice.scale,
            "choices_tried": len(self.choice.tried),
            "effect": of.alone.to_json(),
            "together": of.together.to_json(),
            "order": {"decided_by": of.decided_by, "difference": of.order.to_json() if of.order else None},
        }

    def quadruple(self, unsteered: ArmValues, vector: ArmValues) -> Quadruple:
        """The interaction of both vectors."""
        return Pairing(("vector", self.name), "positive"), (unsteered, vector, self.alone, self.after)

    def sentence(self, groups: Sequence[int] | None = None) -> str:
        """What the order changes, in words; empty where it cannot change anything."""
        order = self.order(groups)
        if order is None:
            return ""
        matters = "matters" if order.bears_claim else "makes no measurable difference"
        return f"The order of the vector and {self.name} {matters}: {order} when {self.name} acts last."


def measure_companions(
    session: Session, plan: Plan, others: Mapping[str, SteeringVector], candidates: Candidates
) -> list[MeasuredCompanion]:
    """Choose layer and strength of each other vector on validation, then measure it alone and with ``plan``."""
    companions = []
    for name, vector in others.items():
        among = tuple(layer for layer in candidates.layers or vector.layers if layer in vector.directions)
        mine = replace(candidates, layers=among or vector.layers, kl=None)
        choice = choose_strengths(session, {name: vector}, None, mine, called=f" of {name}")[name]
        other = apply(vector, choice.layer, choice.scale, tokens=candidates.tokens)
        both = [plan >> other, other >> plan] if plan.sites == other.sites else [plan >> other]
        arms = [session.arm(name, other), *(session.arm(f"together with {name}", one) for one in both)]
        alone, after, *before = session.measure.arms(f"together with {name}", session.splits.test, arms)
        companions.append(MeasuredCompanion(name, vector, choice, alone, after, before[0] if before else None))
    return companions
