"""Several vectors together: the study's vector with another one, in either order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steerstack.applying import apply
from steerstack.data import DataSet
from steerstack.intervention import Plan
from steerstack.study import stats
from steerstack.study.grid import Quadruple
from steerstack.study.measure import ArmValues, Measure
from steerstack.study.select import Chosen, choose_strength
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


@dataclass(frozen=True)
class Companion:
    """Another vector on the base model, unprompted, at the layer and strength chosen for it on validation.

    Attributes
    ----------
    name, vector, chosen:
        What it is, and how it was chosen.
    alone:
        The other vector by itself.
    after, before:
        Both, the other vector acting after the study's, or before it. They are one arm where the two act
        at different layers: the forward pass decides their order there.
    """

    name: str
    vector: SteeringVector
    chosen: Chosen
    alone: ArmValues
    after: ArmValues
    before: ArmValues | None

    def to_json(self, unsteered: ArmValues) -> dict[str, Any]:
        """Its effect, and what the order changes."""
        order: dict[str, Any] = {"decided_by": "the forward pass: they act at different layers", "difference": None}
        if self.before is not None:
            difference = stats.difference(self.after.log_odds, self.before.log_odds)
            order = {"decided_by": "the plan: they act at the same layer", "difference": difference.to_json()}
        return {
            "vector": self.name,
            "vector_fingerprint": self.vector.fingerprint,
            "edit": self.vector.edit,
            "layer": self.chosen.layer,
            "scale": self.chosen.scale,
            "choices_tried": len(self.chosen.tried),
            "effect": stats.difference(self.alone.log_odds, unsteered.log_odds).to_json(),
            "together": stats.difference(self.after.log_odds, unsteered.log_odds).to_json(),
            "order": order,
        }

    def quadruple(self, unsteered: ArmValues, vector: ArmValues) -> Quadruple:
        """The interaction of both vectors."""
        return {"of": ["vector", self.name], "direction": "positive"}, (unsteered, vector, self.alone, self.after)

    def sentence(self) -> str:
        """What the order changes, in words; empty where it cannot change anything."""
        if self.before is None:
            return ""
        difference = stats.difference(self.after.log_odds, self.before.log_odds)
        matters = "matters" if difference.excludes_zero else "makes no measurable difference"
        return f"The order of the vector and {self.name} {matters}: {difference} when {self.name} acts last."


def measure_together(
    measure: Measure,
    model: Model,
    validation: DataSet,
    test: DataSet,
    plan: Plan,
    others: Mapping[str, SteeringVector],
    *,
    layers: Sequence[int] | None,
    shares: Sequence[float],
    tokens: Tokens,
    norms: dict[int, float],
) -> list[Companion]:
    """Choose layer and strength of each other vector on validation, then measure it alone and with ``plan``."""
    found = []
    for name, vector in others.items():
        among = [layer for layer in layers or vector.layers if layer in vector.directions] or list(vector.layers)
        chosen = choose_strength(
            measure, model, validation, vector, layers=among, shares=shares, tokens=tokens, norms=norms,
            called=f" of {name}",
        )  # fmt: skip
        other = apply(vector, chosen.layer, chosen.scale, tokens=tokens)
        both = [plan >> other, other >> plan] if plan.sites == other.sites else [plan >> other]
        alone, after, *before = measure.arms(f"together with {name}", model, test, [other, *both])
        found.append(Companion(name, vector, chosen, alone, after, before[0] if before else None))
    return found
