"""Nested training subsets: the first n of one order, part of them kept for choices, some of them mislabelled."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from steerstack.data.items import DataSet
from steerstack.data.splits import Splits
from steerstack.errors import StudyError
from steerstack.techniques.labels.mistakes import wrong


@dataclass(frozen=True)
class Subset:
    """What a technique may learn from: all of it is counted.

    Attributes
    ----------
    train, validation:
        Disjoint; validation is None where n is below 4.
    n:
        Size of both together.
    wrong:
        How many of their labels are wrong.
    """

    train: DataSet
    validation: DataSet | None
    n: int
    wrong: int = 0


def labelled_items(splits: Splits) -> DataSet:
    """What there are labels for: the items for training, then those for choices."""
    return splits.train.take((*splits.train.items, *splits.validation.items))


def drawn(items: int | None, splits: Splits) -> int:
    """How many labelled items each seed draws: as many as were asked for, or three quarters of them.

    Raises
    ------
    StudyError
        There are not as many, or they are too few to choose by.
    """
    have = len(splits.train) + len(splits.validation)
    count = items or 3 * have // 4
    if not 4 <= count <= have:
        raise StudyError(
            f"{count} labelled items cannot be drawn.",
            seen=f"{have} items for training and choices",
            fix=f"Give items: a number from 4 to {have}; or give more data.",
        )
    return count


def subset(
    splits: Splits, n: int, *, seed: int, noise: float = 0.0, readiness: Mapping[str, float] | None = None
) -> Subset:
    """The first ``n`` items of a seeded order of train and validation: a larger n contains a smaller one.

    Every fourth item is kept for choices of layer, strength or epochs; it counts.

    Parameters
    ----------
    noise:
        Share of the items whose labels are wrong, rounded to whole items.
    readiness:
        By the item's id, how readily its label goes wrong (:func:`steerstack.techniques.labels.mistakes.readiness_of`);
        None for all alike.
    """
    pool = labelled_items(splits).items
    order = np.random.default_rng(seed).permutation(len(pool))[:n]
    ready = [0.0 if readiness is None else readiness[pool[place].id] for place in order]
    mistaken = wrong(ready, noise, seed=seed)
    items = [pool[place].inverted() if rank in mistaken else pool[place] for rank, place in enumerate(order)]
    validation = [item for rank, item in enumerate(items) if n >= 4 and rank % 4 == 3]
    rest = [item for rank, item in enumerate(items) if not (n >= 4 and rank % 4 == 3)]
    train = splits.train.take(tuple(rest))
    return Subset(train, splits.train.take(tuple(validation)) if validation else None, n, len(mistaken))


def sizes(largest: int) -> tuple[int, ...]:
    """1, 2, 4, ... up to ``largest``."""
    return tuple(2**power for power in range(int(math.log2(largest)) + 1))
