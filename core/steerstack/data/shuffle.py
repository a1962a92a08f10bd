"""Shuffled labels: which half of the pairs has its sides exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool
    from torch import Tensor

    from steerstack.data.items import DataSet


def half(count: int, seed: int) -> Bool[Tensor, " pair"]:
    """Which half of the pairs, drawn at random, has its sides exchanged (the smaller half of an odd number)."""
    import torch

    chosen = torch.zeros(count, dtype=torch.bool)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    chosen[order[: count // 2]] = True
    return chosen


def even(data: DataSet, seed: int) -> DataSet:
    """The items, one drawn at random left out where their number is odd: half of them can then be exchanged."""
    import torch

    if len(data) % 2 == 0:
        return data
    left_out = int(torch.randint(len(data), (1,), generator=torch.Generator().manual_seed(seed)))
    return data.take((*data.items[:left_out], *data.items[left_out + 1 :]))


def shuffled(data: DataSet, seed: int) -> DataSet:
    """An even number of the items, with exhibiting and not exhibiting exchanged in exactly half of them.

    The exchanged labels then sum to zero, so that a difference of means keeps nothing of what all pairs share.
    """
    items = even(data, seed)
    flip = half(len(items), seed).tolist()
    return items.take(tuple(item.inverted() if f else item for item, f in zip(items.items, flip, strict=True)))
