"""Steps that several methods share: the two sides in an order of their own, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.contracts import PairBatch
from steerstack.errors import DegenerateDirectionError, ExtractionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream

SAME = 1e-6
"""Sides whose difference is below this share of their norm are the same, up to rounding in float32."""


def sides(pairs: PairStream, *, at_least: int = 1, apart: bool = True) -> PairBatch:
    """Both sides of all pairs, in memory, in an order that depends on the pairs' content alone.

    The order is that of a fixed random projection of each pair, which is the same for a pair
    and its swap. So a method that draws at random draws the same whatever the order of the
    pairs, the size of the batches, and which side is called positive.

    Parameters
    ----------
    pairs:
        The stream.
    at_least:
        Number of pairs that the method needs.
    apart:
        Whether the sides have to differ at every layer.

    Raises
    ------
    ExtractionError
        There are fewer pairs.
    DegenerateDirectionError
        The two sides are the same at some layer.
    """
    if len(pairs) < at_least:
        raise ExtractionError(
            f"There are too few pairs: this method needs {at_least}.",
            seen=f"{len(pairs)}",
            fix="Give more items, or use mean-difference, which needs only one.",
        )
    batch = pairs.collect()
    order = _keys(batch).argsort(stable=True)
    result = PairBatch(batch.positive[order], batch.negative[order])
    if apart:
        check_apart(result, pairs.layers)
    return result


def differences(batch: PairBatch) -> Float[Tensor, "pair layer width"]:
    """Positive minus negative side of each pair."""
    return batch.positive - batch.negative


def check_apart(batch: PairBatch, layers: Sequence[int]) -> None:
    """Refuse sides that are the same at some layer.

    Raises
    ------
    DegenerateDirectionError
        They are, up to rounding, or they are not finite.
    """
    gaps = differences(batch).double().pow(2).sum((0, 2)).sqrt()
    sizes = batch.positive.double().pow(2).sum((0, 2)).sqrt()
    for layer, gap, size in zip(layers, gaps.tolist(), sizes.tolist(), strict=True):
        if not gap > SAME * size:  # NaN too
            raise DegenerateDirectionError(
                f"The two sides are the same, or not finite, at layer {layer}.",
                seen=f"norm of their differences {gap:.3g}, of the activations {size:.3g}",
                fix="Check the pairs, and the component and position that are read.",
            )


def mean_difference(batch: PairBatch, layers: Sequence[int]) -> Float[Tensor, "layer width"]:
    """Mean of the positive sides minus mean of the negative ones, in float64.

    Raises
    ------
    DegenerateDirectionError
        The means are the same at some layer, though single pairs may differ.
    """
    deltas = differences(batch).double()
    mean = deltas.mean(0)
    usual = deltas.pow(2).sum(-1).mean(0).sqrt()
    for index, layer in enumerate(layers):
        if not float(mean[index].norm()) > SAME * float(usual[index]):
            raise DegenerateDirectionError(
                f"The two sides have the same mean at layer {layer}.",
                seen=f"norm of the mean difference {float(mean[index].norm()):.3g}, of one pair's {usual[index]:.3g}",
                fix="Check which answer of each item exhibits the behaviour: the pairs cancel out.",
            )
    return mean


def _keys(batch: PairBatch) -> Float[Tensor, " pair"]:
    import torch

    total = (batch.positive.double() + batch.negative.double()).flatten(1)
    apart = (batch.positive.double() - batch.negative.double()).flatten(1)
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, total.shape[1], generator=generator, dtype=torch.float64)
    return total @ one + (apart @ other).abs()
