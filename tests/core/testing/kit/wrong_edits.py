"""Edits that each break one promise, and one that breaks none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.contracts import Edit
from steerstack.steering.intervention import Plan, SelectiveIntervention

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Plus(SelectiveIntervention):
    direction: Tensor
    scale: float

    def edit(self, hidden):
        return hidden + (self.scale * self.direction).to(hidden.dtype)


@dataclass(frozen=True, eq=False)
class InPlace(Plus):
    def edit(self, hidden):
        return hidden.add_((self.scale * self.direction).to(hidden.dtype))


@dataclass(frozen=True, eq=False)
class Widening(Plus):
    def edit(self, hidden):
        return hidden + self.scale * self.direction


@dataclass(frozen=True, eq=False)
class Centring(Plus):
    def edit(self, hidden):
        rows = hidden.reshape(-1, hidden.shape[-1])
        return super().edit(hidden) - (rows.sum(0) / max(len(rows), 1)).to(hidden.dtype) / 10


@dataclass(frozen=True, eq=False)
class Normalising(Plus):
    def edit(self, hidden):
        return super().edit(hidden) + hidden / hidden.norm(dim=-1, keepdim=True)


class Right(Edit):
    """Adds the direction (arXiv 2312.06681, eq. 2)."""

    name = "right"
    paper = "arXiv 2312.06681"

    def plan(self, vector, layer, scale, tokens):
        return Plan((Plus(vector.site(layer), vector[layer], scale, selection=tokens),))


class MutatesActivations(Right):
    """arXiv 2312.06681, in place."""

    def plan(self, vector, layer, scale, tokens):
        return Plan((InPlace(vector.site(layer), vector[layer], scale, selection=tokens),))


class MutatesTheVector(Right):
    """arXiv 2312.06681, with the vector normalised in place."""

    def plan(self, vector, layer, scale, tokens):
        vector[layer].div_(vector[layer].norm() / 2)
        return super().plan(vector, layer, scale, tokens)


class ChangesDtype(Right):
    """arXiv 2312.06681, in float32."""

    def plan(self, vector, layer, scale, tokens):
        return Plan((Widening(vector.site(layer), vector[layer], scale, selection=tokens),))


class LooksAtTheBatch(Right):
    """arXiv 2312.06681, less the mean of the batch."""

    def plan(self, vector, layer, scale, tokens):
        return Plan((Centring(vector.site(layer), vector[layer], scale, selection=tokens),))


class DividesByZero(Right):
    """arXiv 2312.06681, and the unit activation."""

    def plan(self, vector, layer, scale, tokens):
        return Plan((Normalising(vector.site(layer), vector[layer], scale, selection=tokens),))


class IgnoresTheScale(Right):
    """arXiv 2312.06681, always once."""

    def plan(self, vector, layer, scale, tokens):
        return super().plan(vector, layer, 1.0, tokens)


class DoesNothing(Right):
    """arXiv 2312.06681, not at all."""

    def plan(self, vector, layer, scale, tokens):
        return Plan()


class NoPaper(Right):
    """Adds the direction."""

    paper = ""
