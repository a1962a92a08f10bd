"""Angular steering: rotation in the plane of the direction and a second axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Edit
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.intervention import Plan, SelectiveIntervention, check_direction
from steerstack.util import digest

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


@final
@dataclass(frozen=True, eq=False, repr=False)
class Rotate(SelectiveIntervention):
    """Turn the part of the activation that lies in the plane of two axes; its norm and the rest stay.

    With orthonormal ``b1 = direction / |direction|`` and b2 (the axis made orthogonal to it),
    ``h' = h - P h + [b1 b2] c'`` where P projects on the plane. ``by``: c' is ``(h.b1, h.b2)``
    turned by ``degrees`` from b2 towards b1. ``to``: ``c' = |P h| (cos, sin)(degrees)``, an angle
    counted from b1 (Vu & Nguyen, arXiv 2510.26243), whatever the angle was.

    Raises
    ------
    DegenerateDirectionError
        The axis lies along the direction, so that there is no plane.
    """

    direction: Float[Tensor, " d_model"]
    axis: Float[Tensor, " d_model"]
    degrees: float
    kind: Literal["by", "to"] = "by"

    def __post_init__(self) -> None:
        check_direction(self.direction)
        check_direction(self.axis, "second axis")
        if not math.isfinite(self.degrees):
            raise DegenerateDirectionError(f"The angle is {self.degrees}.", fix="Give a finite angle.")
        remainder = _plane(self.direction, self.axis)[1].norm()
        if float(remainder) < 0.5:
            raise DegenerateDirectionError(
                "The second axis lies along the direction: the two span no plane.", fix="Give another axis."
            )

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations turned."""
        import torch

        if self.kind == "by" and self.degrees % 360 == 0:
            return hidden.clone()
        wide = hidden.float()
        basis = torch.stack(_plane(self.direction.to(wide), self.axis.to(wide)))
        angle = math.radians(self.degrees)
        cos, sin = math.cos(angle), math.sin(angle)
        before = wide @ basis.T
        if self.kind == "by":
            after = before @ before.new_tensor([[cos, -sin], [sin, cos]])
        else:
            after = before.norm(dim=-1, keepdim=True) * before.new_tensor([cos, sin])
        return (wide + (after - before) @ basis).to(hidden.dtype)


def _plane(direction: Float[Tensor, " d_model"], axis: Float[Tensor, " d_model"]) -> tuple[Tensor, Tensor]:
    """Two orthonormal axes; the second is about zero where the given ones are parallel."""
    first = direction.float() / direction.float().norm()
    second = axis.float() / axis.float().norm()
    for _ in range(2):  # once more, for the rounding of the first time
        second = second - (second @ first) * first
    length = second.norm()
    return first, second / length if float(length) > 1e-4 else second


@final
class RotateEdit(Edit):
    """Angular steering: turn the activation in a plane by ``scale`` degrees; its norm stays.

    Vu & Nguyen, arXiv 2510.26243. The plane is spanned by the direction and a second axis: the
    tensors of the vector file ``axis``, or else the vector's part ``axis``, or else a seeded random
    one (the paper takes the first principal component of the layers' directions).
    The default ``by`` turns every activation by the same angle, from the second axis towards the direction,
    so that 0 changes nothing and neighbouring scales do neighbouring things. ``to`` is the paper's
    equation: every activation is turned to ``scale`` degrees from the direction, so that 360, not 0,
    is full alignment (scale 0 is always the unsteered model).
    """

    name = "rotate"
    paper = "arXiv 2510.26243"
    scales: ClassVar[tuple[float, ...] | None] = (-90.0, -45.0, -20.0, 20.0, 45.0, 90.0)

    kind: Literal["by", "to"] = Field("by", description="Turn by an angle, or to an angle (the paper's).")
    axis: Path | None = Field(None, description="Vector file whose layer.<L> tensors are the second axis.")
    seed: int = Field(0, ge=0, description="Of the random axis, where there is no other.")

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One rotation."""
        axis = self._axis(vector, layer)
        return Plan((Rotate(vector.site(layer), vector[layer], axis, scale, self.kind, selection=tokens),))

    def _axis(self, vector: SteeringVector, layer: int) -> Tensor:
        import torch

        from steerstack.steering.vector import SteeringVector

        if self.axis is not None:
            return SteeringVector.load(self.axis)[layer]
        if "axis" in vector.parts:
            return vector.part("axis", layer)
        # a seed of its own: random vectors (nulls) drawn with the same number must not be the axis itself
        seed = int(digest.of_json(["axis", self.seed])[:8], 16)
        return torch.randn(vector.d_model, generator=torch.Generator().manual_seed(seed))
