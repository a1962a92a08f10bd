"""Affine concept editing: the coordinate along the direction is set relative to a reference mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from steerstack.contracts import Edit
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.intervention import Plan, SelectiveIntervention, check_direction, check_finite

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


@final
@dataclass(frozen=True, eq=False, repr=False)
class Affine(SelectiveIntervention):
    """``h - proj_v(h) + proj_v(m) + scale * v``, where ``proj_v(x) = v v^T x / |v|^2`` and m is the reference.

    What comes out has the same coordinate along v whatever went in, so doing it twice is doing it once.
    ``scale`` 0 is not the identity but the reference's own coordinate.
    """

    direction: Float[Tensor, " d_model"]
    reference: Float[Tensor, " d_model"]
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_direction(self.direction)
        check_finite(self.reference, "reference mean")
        if not math.isfinite(self.scale):
            raise DegenerateDirectionError(f"The scale is {self.scale}.", fix="Give a finite scale.")

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations with the coordinate set."""
        wide = hidden.float()
        direction = self.direction.to(wide)
        missing = (self.reference.to(wide) - wide) @ direction / direction.square().sum()
        return (wide + (missing + self.scale)[..., None] * direction).to(hidden.dtype)


@final
class AffineEdit(Edit):
    """Affine concept editing (ACE): ``h' = h - proj_v(h) + proj_v(m) + scale * v``.

    Marshall, Scherlis & Belrose, arXiv 2411.09003: m is the mean activation of the side *without*
    the behaviour and v the difference of the two means, un-normalised, so that a scale near 0
    sets the coordinate of a typical activation without the behaviour and 1 that of one with it. In
    steerstack scale 0 is always the unsteered model, so the two do not meet: the paper's
    ``alpha = 0`` is a scale such as 1e-6, or ``Ablate(kind="mean")`` with that mean.

    A mean-difference vector alone is not enough: it holds ``m+ - m-`` and not where m- lies. The
    mean is taken from ``reference``, or else from the vector's own part ``mean`` (of methods that
    keep one; where that is the mean of both sides, as for LEACE, the behaviour lies at 0.5, not at 1).
    """

    name = "ace"
    paper = "arXiv 2411.09003"
    scales: ClassVar[tuple[float, ...] | None] = (0.5, 1.0, 1.5)

    reference: Path | None = Field(
        None,
        description="Vector file whose layer.<L> tensors are the mean activations of the side without the behaviour.",
    )

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One affine edit; raises VectorError where there is no reference mean."""
        from steerstack.steering.vector import SteeringVector

        mean = vector.part("mean", layer) if self.reference is None else SteeringVector.load(self.reference)[layer]
        return Plan((Affine(vector.site(layer), vector[layer], mean, scale, selection=tokens),))
