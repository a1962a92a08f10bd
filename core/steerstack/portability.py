"""What of a vector holds in a folded basis, such as that of TransformerLens.

Folding rewrites weights so that the model says the same: the gain of each norm goes into what reads it, and, where
the norm subtracts the mean (LayerNorm), everything that writes into the residual stream is centred. The
stream then lacks its mean over d_model; with RMSNorm it stays as it is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from steerstack.errors import VectorError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.trace.model import Model
    from steerstack.vector import SteeringVector

MEAN_FREE = 1e-5
"""Cosine with the constant direction below which a direction counts as free of its mean (float32 rounding)."""


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
    from torch import nn

    centres = any(isinstance(module, nn.LayerNorm) for module in model.module.modules())
    if vector.component == "head_out":
        return (
            "At the heads' outputs folding may move value biases, so only adding is portable to a folded basis: "
            f"this vector {'is added' if vector.edit == 'add' else f'acts by {vector.edit}, which is not'}."
        )
    if not centres:
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
