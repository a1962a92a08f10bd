"""Addition that keeps the norm of the activation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from steerstack.contracts import Edit
from steerstack.errors import DegenerateDirectionError
from steerstack.steering.intervention import Plan, SelectiveIntervention, check_direction

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.steering.tokens import Tokens
    from steerstack.steering.vector import SteeringVector


@final
@dataclass(frozen=True, eq=False, repr=False)
class NormPreservingAdd(SelectiveIntervention):
    """``g |h| / |g|`` where ``g = h + scale * v``: the activation turns, and stays as long as it was.

    Where ``g`` is exactly zero it points nowhere, and the activation is left as it is.
    """

    direction: Float[Tensor, " d_model"]
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_direction(self.direction)
        if not math.isfinite(self.scale):
            raise DegenerateDirectionError(f"The scale is {self.scale}.", fix="Give a finite scale.")

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations turned towards the direction."""
        import torch

        if self.scale == 0:
            return hidden.clone()  # rescaling by |h| / |h| would round
        wide = hidden.float()
        endpoint = wide + self.scale * self.direction.to(wide)
        length = endpoint.norm(dim=-1, keepdim=True)
        result = torch.where(length > 0, endpoint / length.clamp_min(1e-30) * wide.norm(dim=-1, keepdim=True), wide)
        return result.to(hidden.dtype)


@final
class NormPreservingAddEdit(Edit):
    """Add ``scale`` times the direction, then give the activation its own norm back.

    The linear combination of Zou et al. (RepE, arXiv 2310.01405, sec. 3.2) with the rescaling
    of repeng's ``normalize`` and of vllm-lens' norm matching, which the paper does not have. The
    activation then turns by an angle that grows with ``scale |v| / |h|`` and never passes the direction.
    """

    name = "norm-preserving-add"
    paper = "arXiv 2310.01405"

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One addition with the norm kept."""
        return Plan((NormPreservingAdd(vector.site(layer), vector[layer], scale, selection=tokens),))
