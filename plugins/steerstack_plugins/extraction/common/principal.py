"""The first principal component, and the length that makes 1 a natural strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


def leading(rows: Float[Tensor, "n width"]) -> Float[Tensor, " width"]:
    """The unit vector along which the rows have the largest mean square (uncentred), in float64.

    By an eigendecomposition of the smaller of the two Gram matrices: n x n for few pairs,
    width x width for many. Its sign is arbitrary.
    """
    import torch

    wide = rows.double()
    count, width = wide.shape
    if count > width:
        return torch.linalg.eigh(wide.T @ wide)[1][:, -1]
    axis = wide.T @ torch.linalg.eigh(wide @ wide.T)[1][:, -1]
    return axis / axis.norm()


def stretched(
    unit: Float[Tensor, " width"], differences: Float[Tensor, "pair width"], *, keep: bool
) -> Float[Tensor, " width"]:
    """A unit direction at the mean size of the pairs' differences along it, in float32.

    Adding it once moves an activation as far along it as the two sides of a pair are apart.
    ``keep`` leaves it at norm 1.
    """
    return (unit if keep else unit * (differences.double() @ unit).abs().mean()).float()
