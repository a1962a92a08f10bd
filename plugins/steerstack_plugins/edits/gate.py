"""A conditional gate: the edit acts only where the activation meets a condition."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from steerstack.contracts import Edit
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.intervention import Plan, SelectiveIntervention, check_direction

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


@final
@dataclass(frozen=True, eq=False, repr=False)
class Gate(SelectiveIntervention):
    """Add or ablate the direction where the activation's similarity with a condition is beyond a threshold.

    ``add``: ``h + f scale v``. ``ablate``: ``h - f scale v v^T h / |v|^2``. The gate f is 1 where
    ``sim > threshold`` (``above``) or ``sim < threshold`` (not ``above``), else 0, with
    ``sim = cos(h, proj_c h) = |c.h| / (|c| |h|)`` for a condition c (Lee et al., arXiv 2409.05907),
    which is blind to sign; ``signed`` leaves the bars out. An activation of zero has similarity 0.
    """

    direction: Float[Tensor, " d_model"]
    condition: Float[Tensor, " d_model"]
    scale: float
    threshold: float
    above: bool = True
    signed: bool = False
    action: Literal["add", "ablate"] = "add"

    def __post_init__(self) -> None:
        check_direction(self.direction)
        check_direction(self.condition, "condition")
        if not math.isfinite(self.scale):
            raise DegenerateDirectionError(f"The scale is {self.scale}.", fix="Give a finite scale.")

    def opens(self, hidden: Float[Tensor, "*batch d_model"]) -> Bool[Tensor, " *batch"]:
        """Where the gate is open."""
        wide = hidden.float()
        condition = self.condition.to(wide)
        similarity = wide @ (condition / condition.norm()) / wide.norm(dim=-1).clamp_min(1e-30)
        if not self.signed:
            similarity = similarity.abs()
        return similarity > self.threshold if self.above else similarity < self.threshold

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations, edited where the gate is open."""
        import torch

        wide = hidden.float()
        direction = self.direction.to(wide)
        if self.action == "add":
            result = hidden + (self.scale * direction).to(hidden.dtype)
        else:
            unit = direction / direction.norm()
            result = (wide - self.scale * (wide @ unit)[..., None] * unit).to(hidden.dtype)
        return torch.where(self.opens(hidden)[..., None], result, hidden)


@final
class GateEdit(Edit):
    """Conditional activation steering (CAST): the vector acts only where a condition holds.

    Lee et al., arXiv 2409.05907: ``h + f(cos(h, proj_c h)) * scale * v`` with a step f at ``threshold``.
    Two things differ from the paper, because an edit sees one position at a time: the condition
    is decided token by token, not once for the prompt from the mean of its tokens, and it is read
    at the layer that is edited, not at a layer of its own. A gate for a whole sequence is
    not possible here. The condition is ``condition``, or else the vector's part ``condition``.
    The paper's code also puts tanh around the projection; this is its equation, without.
    """

    name = "gate"
    paper = "arXiv 2409.05907"

    threshold: float = Field(ge=-1, le=1, description="Similarity beyond which the gate opens.")
    above: bool = Field(True, description="Open above the threshold; otherwise below it.")
    signed: bool = Field(False, description="Tell c from -c: the cosine itself instead of the paper's |cosine|.")
    action: Literal["add", "ablate"] = Field("add", description="What is done where the gate is open.")
    condition: Path | None = Field(None, description="Vector file whose layer.<L> tensors are the condition.")

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One gated edit; raises VectorError where there is no condition."""
        from steerstack.steering.vector import SteeringVector

        condition_vector = SteeringVector.load(self.condition) if self.condition else None
        condition = condition_vector[layer] if condition_vector else vector.part("condition", layer)
        how = (scale, self.threshold, self.above, self.signed, self.action)
        return Plan((Gate(vector.site(layer), vector[layer], condition, *how, selection=tokens),))
