"""Batches of trees: alike in length, bounded in tokens, padded on the right."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from steerstack.engine.layout.tree import Tree
from steerstack.trace.model import Model

TOKENS = 1024
"""Bound on the tokens of one forward pass where none was measured."""


@dataclass(frozen=True)
class Batch:
    """Trees padded on the right to one length.

    Attributes
    ----------
    index:
        Place of each tree in the caller's list.
    trees:
        The trees.
    """

    index: tuple[int, ...]
    trees: tuple[Tree, ...]

    @cached_property
    def width(self) -> int:
        """Number of columns: nodes of the largest tree."""
        return max(len(tree) for tree in self.trees)

    def _padded(self, rows: Sequence[Tensor]) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)

    @cached_property
    def ids(self) -> Int[Tensor, "tree node"]:
        """Token ids; pads are 0."""
        return self._padded([tree.ids for tree in self.trees])

    @cached_property
    def positions(self) -> Int[Tensor, "tree node"]:
        """Position of each node in its own sequence."""
        return self._padded([tree.positions for tree in self.trees])

    @cached_property
    def exists(self) -> Bool[Tensor, "tree node"]:
        """Which columns are nodes rather than pads."""
        lengths = torch.tensor([len(tree) for tree in self.trees])
        return torch.arange(self.width)[None] < lengths[:, None]

    @cached_property
    def branched(self) -> bool:
        """Whether any tree needs a mask of its own."""
        return any(tree.branched for tree in self.trees)

    @cached_property
    def sees(self) -> Bool[Tensor, "tree node node"]:
        """Which nodes each node attends to; pads see themselves, so that no row is empty."""
        full = torch.eye(self.width, dtype=torch.bool).repeat(len(self.trees), 1, 1)
        for row, tree in enumerate(self.trees):
            full[row, : len(tree), : len(tree)] = tree.sees
        return full


def batches(model: Model, trees: Sequence[Tree], *, tokens: int = TOKENS) -> Iterator[Batch]:
    """Cut trees into batches of similar length with at most ``tokens`` columns in all.

    Of one length, or of one tree, where the model does not give the same for a row that is filled up, or for
    several rows. A tree with branches stands beside no row that is too long for branches: the mask that it needs
    takes the place of the model's own for all rows, and with it of a window.
    """
    order = sorted(range(len(trees)), key=lambda index: -len(trees[index]))
    at = 0
    while at < len(order):
        size = room(model, [len(trees[index]) for index in order[at:]], tokens)
        chunk = tuple(order[at : at + size])
        if not model.may("tree", len(trees[chunk[0]])):
            chunk = tuple(takewhile(lambda index: not trees[index].branched, chunk)) or chunk[:1]
        yield Batch(chunk, tuple(trees[index] for index in chunk))
        at += len(chunk)


def room(model: Model, lengths: Sequence[int], tokens: int) -> int:
    """How many of some rows, in falling order of length, one pass may hold."""
    longest = lengths[0]
    size = max(1, tokens // max(1, longest))
    if not model.may("rows", longest):
        return 1
    if not model.may("padding", longest):
        size = min(size, sum(length == longest for length in lengths))
    return size


def recut(model: Model, pending: Iterable[Batch], *, tokens: int) -> Iterator[Batch]:
    """The trees of some batches, cut again by another bound."""
    entries = [entry for batch in pending for entry in zip(batch.index, batch.trees, strict=True)]
    for batch in batches(model, [tree for _, tree in entries], tokens=tokens):
        yield Batch(tuple(entries[index][0] for index in batch.index), batch.trees)
