"""Contrast pairs laid out for a forward pass: both sides on one tree where the model can run trees."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from steerstack.contracts import PairBatch
from steerstack.data.questions import ContrastPair, Read
from steerstack.engine.layout.prefix import common_length
from steerstack.engine.layout.tree import Tree
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model

PREFIX = 8
"""Common tokens from which a pass of their own pays: it adds a pass, and every row copies their keys and values."""

Laid = tuple[Tree, list[Sequence[int]]]
"""A tree, and for each side laid out in it the nodes that are averaged."""


@dataclass(frozen=True)
class LaidPair:
    """The trees of one pair: one that holds both sides, or one a side.

    Sides are laid out in an order of their own, whichever is the positive one, so that a pair whose label was turned
    is laid out alike and what was read of it can be used again.
    """

    trees: tuple[Laid, ...]
    negative_first: bool

    @classmethod
    def of(cls, pair: ContrastPair, *, shared: bool) -> "LaidPair":
        """Lay out a pair; ``shared`` puts both sides on one tree."""
        sides = sorted((pair.positive, pair.negative), key=_content)
        negative_first = sides[0] is pair.negative
        if not shared:
            trees: tuple[Laid, ...] = tuple((Tree.of([_cut(side)], whole=True), [side.positions]) for side in sides)
            return cls(trees, negative_first)
        tree = Tree.of([_cut(side) for side in sides], whole=True)
        nodes: list[Sequence[int]] = [tree.nodes(index, side.positions) for index, side in enumerate(sides)]
        return cls(((tree, nodes),), negative_first)

    @property
    def width(self) -> int:
        """Nodes of its largest tree."""
        return max(len(tree) for tree, _ in self.trees)

    @property
    def first_read(self) -> int:
        """The first node that is read, of any side."""
        return min(min(nodes) for _, sides in self.trees for nodes in sides)


@dataclass(frozen=True)
class Chunk:
    """Pairs that are run in one pass, and how many tokens of their beginning were run before."""

    pairs: Sequence[LaidPair]
    prefix: int

    @property
    def trees(self) -> list[Laid]:
        """All trees, pair by pair: one of two sides or two of one, so that sides come out in order."""
        return [tree for pair in self.pairs for tree in pair.trees]

    def turned(self, batch: PairBatch) -> PairBatch:
        """From sides in the order in which they are laid out to positive and negative ones; or back."""
        return batch.turned(torch.tensor([pair.negative_first for pair in self.pairs]))

    def cut(self, tokens: int) -> Iterator["Chunk"]:
        """The same pairs in passes of at most ``tokens`` columns, or of one pair."""
        at = 0
        while at < len(self.pairs):
            longest = self.pairs[at]
            size = max(1, tokens // ((longest.width - self.prefix) * len(longest.trees)))
            yield Chunk(self.pairs[at : at + size], self.prefix)
            at += size


def chunks(model: Model, pairs: Sequence[ContrastPair], *, tokens: int) -> Iterator[Chunk]:
    """Lay out pairs, the longest first, and cut them into passes of at most ``tokens`` columns, or of one pair."""
    laid = [pair for _, pair in _laid(model, pairs)]
    fits = model.may("prefix", laid[0].width)
    yield from Chunk(laid, _prefix(laid) if fits else 0).cut(tokens)


def order(model: Model, pairs: Sequence[ContrastPair]) -> list[int]:
    """Numbers of the pairs in the order in which :func:`chunks` lays them out."""
    return [number for number, _ in _laid(model, pairs)]


def _laid(model: Model, pairs: Sequence[ContrastPair]) -> list[tuple[int, LaidPair]]:
    shared = all(model.may("tree", _end(pair.positive) + _end(pair.negative)) for pair in pairs)
    laid = [LaidPair.of(pair, shared=shared) for pair in pairs]
    return sorted(enumerate(laid), key=lambda numbered: -numbered[1].width)


def _prefix(laid: Sequence[LaidPair]) -> int:
    """Tokens that all pairs begin with and of which nothing is read; 0 where they save less than they cost."""
    trees = [(tree, pair.first_read) for pair in laid for tree, _ in pair.trees]
    length = common_length([tree for tree, _ in trees], [read for _, read in trees])
    return length if len(laid) > 1 and length >= PREFIX else 0


def total_tokens(pairs: Sequence[ContrastPair]) -> int:
    """Tokens of all sides, up to the last position that is read."""
    return sum(_end(pair.positive) + _end(pair.negative) for pair in pairs)


def content_digest(pairs: Sequence[ContrastPair]) -> str:
    """SHA-256 of what is run and read of each pair, in order, whatever pairs are called and whichever side is which."""
    digest = hashlib.sha256()
    for pair in pairs:
        sides = sorted(_content(side) for side in (pair.positive, pair.negative))
        digest.update(json.dumps(sides).encode() + b"\n")
    return digest.hexdigest()


def _content(read: Read) -> list[list[int]]:
    """What is run and read of a side."""
    return [list(_cut(read).ids), list(read.positions)]


def _end(read: Read) -> int:
    return read.positions[-1] + 1


def _cut(read: Read) -> TokenSequence:
    """The sequence up to the last position that is read: later tokens cannot change it."""
    return read.sequence.cut(_end(read))
