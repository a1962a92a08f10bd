"""What of a vector holds in a folded basis, such as that of TransformerLens.

Folding rewrites weights so that the model says the same: the gain of each norm goes into what reads it, and, where
the norm subtracts the mean (LayerNorm), everything that writes into the residual stream is centred. The
stream then lacks its mean over d_model; with RMSNorm it stays as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from steerstack.errors import VectorError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor, nn

    from steerstack.steering.intervention import Intervention, Plan
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model

MEAN_FREE = 1e-5
"""Cosine with the constant direction below which a direction counts as free of its mean (float32 rounding)."""

TRIED = 1e-4
"""Share of an activation's norm by which an edit may come out differently (rounding in float32 is far below it)."""


def centres(module: nn.Module) -> bool:
    """Whether the norms of a model subtract the mean over d_model (LayerNorm)."""
    from torch import nn

    return any(isinstance(part, nn.LayerNorm) for part in module.modules())


@dataclass(frozen=True)
class Folding:
    """What folding takes from a model's activations.

    Attributes
    ----------
    centred:
        The mean over d_model, from everything that is written into the residual stream.
    moves_biases:
        The value biases, from the heads' outputs: they go behind the output projection.
    """

    centred: bool
    moves_biases: bool

    @classmethod
    def of(cls, module: nn.Module) -> Self:
        """That of a model of transformers, as it is before folding."""
        biases = (name for name, _ in module.named_parameters() if name.endswith("bias"))
        return cls(centres(module), any("attn" in name or "attention" in name for name in biases))

    def differs(self, plan: Plan) -> list[str]:
        """A sentence for each edit of a plan that does not do the same in the folded basis.

        Any edit can be asked about: it is tried on random activations, with and without what folding takes.
        """
        sentences = []
        for edit in plan:
            gap = self._gap(edit)
            what = "the value biases" if edit.site.component == "head_out" else "the mean over d_model"
            if gap > TRIED:
                sentences.append(
                    f"{type(edit).__name__} at {edit.site} reads {what}, which activations lack in the folded basis: "
                    f"on random activations it comes out differently by {gap:.2g} of their norm."
                )
        return sentences

    def _gap(self, edit: Intervention) -> float:
        """Largest difference of what comes out, as a share of the activation's norm; 0 where nothing is taken."""
        import torch

        heads = edit.site.component == "head_out"
        if not (self.moves_biases if heads else self.centred):
            return 0.0
        generator = torch.Generator().manual_seed(0)
        width = edit.width or 64
        scales = torch.logspace(-1, 3, 64)[:, None]  # thresholds lie somewhere in the range of activations
        hidden = scales * (torch.randn(64, width, generator=generator) + torch.randn(64, 1, generator=generator))
        part = 0.1 * scales * torch.randn(width, generator=generator) if heads else hidden.mean(-1, keepdim=True)
        gap = edit.edit(hidden.clone()) - edit.edit(hidden - part)
        gap = gap - (part if heads else gap.mean(-1, keepdim=True))
        return float((gap.norm(dim=-1) / hidden.norm(dim=-1)).max())


def mean_share(direction: Float[Tensor, " d_model"]) -> float:
    """Absolute cosine of a direction with the constant one: what centring takes from it, 0 to 1."""
    return float(direction.double().sum().abs() / direction.double().norm() / math.sqrt(len(direction)))


def portability(vector: SteeringVector, model: Model) -> str:
    """One sentence: whether the vector does the same in the folded basis of a model, and what to do if not.

    Parameters
    ----------
    vector:
        The vector, in the basis of the Hugging Face model.
    model:
        The model that it is for.
    """
    if vector.component == "head_out":
        return (
            "At the heads' outputs folding may move value biases, so only adding is portable to a folded basis: "
            f"this vector {'is added' if vector.edit == 'add' else f'acts by {vector.edit}, which is not'}."
        )
    if not centres(model.module):
        return (
            f"{model.name} normalises without centring (RMSNorm): folding leaves its residual stream as it is, "
            f"and {vector.edit} is portable as it stands."
        )
    if vector.edit == "add":
        return (
            f"{model.name} has LayerNorm: a folded basis lacks the mean of each activation, which no norm lets "
            "through, so adding is portable as it stands; ablating or projecting with this vector is not, "
            f"unless its directions are free of their mean (here up to {_worst(vector):.2g} of their length)."
        )
    if _worst(vector) < MEAN_FREE:
        return (
            f"{model.name} has LayerNorm, but the directions are free of their mean: {vector.edit} is portable "
            "to a folded basis as it stands."
        )
    return (
        f"{model.name} has LayerNorm and the directions are not free of their mean (up to {_worst(vector):.2g} of "
        f"their length): {vector.edit} is not portable to a folded basis, which lacks the mean of each activation; "
        "centre the vector and evaluate it again before exporting it."
    )


def centred(vector: SteeringVector) -> SteeringVector:
    """The vector with the mean over d_model taken from each direction: another vector, portable by every linear edit.

    Raises
    ------
    VectorError
        It has further parts, whose mean cannot be taken away without changing what they are.
    """
    if vector.parts:
        raise VectorError(
            "Only vectors that are nothing but directions can be centred.", seen=f"parts {', '.join(vector.parts)}"
        )
    origin = replace(vector.origin, parameters={**vector.origin.parameters, "centred": True})
    return replace(vector, directions={n: d - d.mean() for n, d in vector.directions.items()}, origin=origin)


def _worst(vector: SteeringVector) -> float:
    return max(mean_share(direction) for direction in vector.directions.values())
