"""Nested training subsets: the first n of one order, part of them kept for choices; labels flipped on request."""

import math
from dataclasses import dataclass

import numpy as np

from steerstack.data.items import DataSet
from steerstack.data.splits import Splits


@dataclass(frozen=True)
class Subset:
    """What a technique may learn from: all of it is counted.

    Attributes
    ----------
    train, validation:
        Disjoint; validation is None where n is below 4.
    n:
        Size of both together.
    """

    train: DataSet
    validation: DataSet | None
    n: int


def subset(splits: Splits, n: int, *, seed: int, noise: float = 0.0) -> Subset:
    """The first ``n`` items of a seeded order of train and validation: a larger n contains a smaller one.

    Every fourth item is kept for choices of layer, strength or epochs; it counts.

    Parameters
    ----------
    noise:
        Share of the items whose labels are flipped, rounded to whole items.
    """
    pool = (*splits.train.items, *splits.validation.items)
    order = np.random.default_rng(seed).permutation(len(pool))[:n]
    flipped = set(np.random.default_rng([seed, 1]).permutation(n)[: round(noise * n)].tolist())
    chosen = [pool[place].inverted() if rank in flipped else pool[place] for rank, place in enumerate(order)]
    held = [item for rank, item in enumerate(chosen) if n >= 4 and rank % 4 == 3]
    kept = [item for rank, item in enumerate(chosen) if not (n >= 4 and rank % 4 == 3)]
    train = splits.train.take(tuple(kept))
    return Subset(train, splits.train.take(tuple(held)) if held else None, n)


def sizes(largest: int) -> tuple[int, ...]:
    """1, 2, 4, ... up to ``largest``."""
    return tuple(2**power for power in range(int(math.log2(largest)) + 1))
