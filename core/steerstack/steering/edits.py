"""The edits: add, ablate, project, clamp."""

from dataclasses import dataclass
from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.errors import DegenerateDirectionError, VectorError
from steerstack.steering.intervention import SelectiveIntervention, check_direction, check_finite

Directions = Float[Tensor, " d_model"] | Float[Tensor, "k d_model"]
"""One direction, or k directions that span a subspace; they need not be orthonormal."""


def _check_finite(scale: float, what: str = "scale") -> None:
    if scale != scale or abs(scale) == float("inf"):
        raise DegenerateDirectionError(f"The {what} is {scale}.", fix=f"Give a finite {what}.")


def orthonormal(directions: Directions) -> Float[Tensor, "rank d_model"]:
    """An orthonormal basis, in float32, of the span of one or several directions.

    Directions that depend on the others are dropped, so the rank may be below k.
    """
    rows = directions.detach().float().reshape(-1, directions.shape[-1])
    if len(rows) == 1:
        return rows / rows.norm()
    _, singular, basis = torch.linalg.svd(rows, full_matrices=False)
    return basis[singular > singular[0] * 1e-6]


def _onto(hidden: Float[Tensor, "*batch d_model"], basis: Float[Tensor, "rank d_model"]) -> Tensor:
    return (hidden @ basis.T) @ basis


@final
@dataclass(frozen=True, eq=False, repr=False)
class Add(SelectiveIntervention):
    """Add ``scale`` times a direction: ``h + scale * v`` (CAA, arXiv 2312.06681, eq. 2).

    With ``relative=True`` the scale is a share of the norm of the activation at each
    edited position and the direction counts only by its way it points:
    ``h + scale * |h| * v / |v|``.
    """

    direction: Float[Tensor, " d_model"]
    scale: float = 1.0
    relative: bool = False

    def __post_init__(self) -> None:
        check_direction(self.direction)
        _check_finite(self.scale)

    @property
    def commutes(self) -> bool:
        """An addition of what does not depend on the activation may come before or after another."""
        return not self.relative

    def addend(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, " d_model"]:
        """What is added to each activation, in their dtype, where the scale is no share of their norm."""
        return (self.scale * self.direction.to(hidden.device).float()).to(hidden.dtype)

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations with the direction added."""
        if not self.relative:
            return hidden + self.addend(hidden)
        direction = self.direction.to(hidden.device).float()
        norms = hidden.float().norm(dim=-1, keepdim=True)
        return hidden + (self.scale * norms * (direction / direction.norm())).to(hidden.dtype)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Ablate(SelectiveIntervention):
    """Take something away from the activation.

    ``directional``: the component in the span of the directions is removed,
    ``h - U^T U h`` (Arditi et al., arXiv 2406.11717, eq. 4). ``mean``: that component is
    replaced by the one of ``reference``, a mean activation; without a direction the whole
    activation is replaced. ``zero``: the whole activation is set to zero.
    ``strength`` 1 does all of that, 0 nothing, values between a part.

    With a ``reader`` r the projection is oblique: what is taken away along the direction d is not
    d's own component but what r reads, ``h - d r^T (h - reference)``, where ``r^T d = 1``. Rank-1
    concept erasure (LEACE, arXiv 2306.03819, theorem 4.3) is of this form.
    """

    direction: Directions | None = None
    kind: Literal["directional", "mean", "zero"] = "directional"
    reference: Float[Tensor, " d_model"] | None = None
    strength: float = 1.0
    reader: Float[Tensor, " d_model"] | None = None

    def __post_init__(self) -> None:
        if self.direction is not None:
            check_direction(self.direction)
        if self.reader is not None:
            self._check_reader(self.reader)
        if self.kind == "directional" and self.direction is None:
            raise VectorError("A directional ablation needs a direction.", fix="Pass direction=...")
        if self.kind == "zero" and self.direction is not None:
            raise VectorError(
                "A zero ablation takes no direction.", fix="Use kind='directional' to remove a direction."
            )
        if (self.kind == "mean") != (self.reference is not None):
            raise VectorError(
                "A mean ablation needs a mean activation, and only it does.", fix="Pass reference=[d_model]."
            )
        if self.reference is not None:
            check_finite(self.reference, "mean activation")
        _check_finite(self.strength, "strength")

    def _check_reader(self, reader: Float[Tensor, " d_model"]) -> None:
        check_direction(reader, "reader")
        if self.direction is None or self.direction.ndim != 1:
            raise VectorError("A reader needs one direction.", fix="Pass direction=[d_model].")
        product = float(reader.float() @ self.direction.float())
        if abs(product - 1) > 1e-3:
            raise VectorError(
                "The reader does not read the direction as 1, so the ablation would not be a projection.",
                seen=f"reader . direction = {product:.4f}",
                fix="Divide the reader by that number.",
            )

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations without what is ablated."""
        wide = hidden.float()
        target = torch.zeros_like(wide) if self.reference is None else self.reference.to(wide).expand_as(wide)
        change = target - wide
        if self.reader is not None and self.direction is not None:
            change = (change @ self.reader.to(wide))[..., None] * self.direction.to(wide)
        elif self.direction is not None:
            change = _onto(change, orthonormal(self.direction.to(wide)))
        return (wide + self.strength * change).to(hidden.dtype)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Project(SelectiveIntervention):
    """Keep only the component in the span of the directions: ``U^T U h``."""

    direction: Directions

    def __post_init__(self) -> None:
        check_direction(self.direction)

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The projection of the activations."""
        wide = hidden.float()
        return _onto(wide, orthonormal(self.direction.to(wide))).to(hidden.dtype)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Clamp(SelectiveIntervention):
    """Keep the coordinate along the unit direction between ``low`` and ``high``.

    ``low == high`` sets it to that value (the ``clamp`` of lm-evaluation-harness).
    Units are those of the residual stream, for a direction of norm 1.
    """

    direction: Float[Tensor, " d_model"]
    low: float
    high: float

    def __post_init__(self) -> None:
        check_direction(self.direction)
        _check_finite(self.low, "lower bound")
        _check_finite(self.high, "upper bound")
        if self.low > self.high:
            raise VectorError(f"The lower bound {self.low} is above the upper bound {self.high}.", fix="Swap them.")

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations with the coordinate clamped."""
        wide = hidden.float()
        unit = orthonormal(self.direction.to(wide))[0]
        coordinate = wide @ unit
        change = coordinate.clamp(self.low, self.high) - coordinate
        return (wide + change[..., None] * unit).to(hidden.dtype)
