"""The vector, or a null, at one layer and strength of a sweep."""

from __future__ import annotations

from dataclasses import dataclass

from steerstack.run.arms import ArmValues
from steerstack.stats.estimates import Estimate


@dataclass(frozen=True)
class SweptArm:
    """The vector at one layer and strength.

    Attributes
    ----------
    layer, scale:
        Where, and the multiplier.
    values:
        Each item under it.
    estimate, effect, p_holm:
        Mean log-odds; the paired difference from the bare model, with its p corrected over the arms.
    kl:
        KL per token on neutral text, in nats.
    """

    layer: int
    scale: float
    values: ArmValues
    estimate: Estimate
    effect: Estimate
    p_holm: float
    kl: Estimate


@dataclass(frozen=True)
class SweptNull:
    """A null, or a vector of another behaviour, at one layer and the largest strength."""

    null: str
    family: str
    layer: int
    scale: float
    effect: Estimate

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {**vars(self), "effect": self.effect.to_json()}
