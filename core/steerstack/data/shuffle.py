"""Shuffled labels: which pairs have their sides exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from torch import Tensor

    from steerstack.data.items import DataSet


def half(count: int, seed: int) -> Bool[Tensor, " pair"]:
    """Which half of the pairs, drawn at random, has its sides exchanged (the smaller half of an odd number)."""
    import torch

    mask = torch.zeros(count, dtype=torch.bool)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    mask[order[: count // 2]] = True
    return mask


def balanced(count: int, seed: int) -> Int[Tensor, " pair"]:
    """Shuffled labels: 1 for a pair that is left, -1 for one whose sides are exchanged, 0 for one that is left out.

    They sum to zero, so that nothing is left of what all pairs share: of an odd number one pair, drawn at random, is
    left out, and exactly half of the others is exchanged. The one implementation of all nulls.
    """
    import torch

    labels = torch.zeros(count, dtype=torch.int64)
    mask = torch.ones(count, dtype=torch.bool)
    if count % 2:
        mask[int(torch.randint(count, (1,), generator=torch.Generator().manual_seed(seed)))] = False
    labels[mask] = 1 - 2 * half(count - count % 2, seed).long()
    return labels


def shuffled(data: DataSet, seed: int) -> DataSet:
    """The items under :func:`balanced` labels: exhibiting and not exhibiting exchanged where a label is -1."""
    labels = balanced(len(data), seed).tolist()
    pairs = zip(data.items, labels, strict=True)
    return data.take(tuple(item if label > 0 else item.inverted() for item, label in pairs if label))
