"""Token trees: several continuations of one prompt, with what they share held once.

The sequences of a group (the two options of an item, the two sides of a pair) mostly begin
alike. A tree holds the common beginning once and each continuation as a branch, all in one
row of tokens; a mask lets each token see only its own ancestors, so one forward pass over
the row gives for every token exactly what a pass over its own sequence would give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from steerstack.steering.tokens import TokenSequence


@dataclass(frozen=True)
class Tree:
    """Sequences of one group, laid out as a stem and branches.

    Attributes
    ----------
    sequences:
        The sequences it holds.
    keep:
        How many tokens of each sequence are laid out (the last token of an answer never is:
        nothing is read after it).
    stem:
        Length of the common beginning.
    """

    sequences: tuple[TokenSequence, ...]
    keep: tuple[int, ...]
    stem: int

    @classmethod
    def of(cls, sequences: Sequence[TokenSequence], *, whole: bool = False) -> "Tree":
        """Lay out a group; ``whole`` keeps the last token of each sequence too."""
        shortest = min(len(sequence) for sequence in sequences)
        first = sequences[0].ids
        stem = next(
            (i for i in range(shortest) if any(sequence.ids[i] != first[i] for sequence in sequences)), shortest
        )
        keep = tuple(len(sequence) - (0 if whole else 1) for sequence in sequences)
        return cls(tuple(sequences), keep, min(stem, *keep))

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        starts, at = [], self.stem
        for keep in self.keep:
            starts.append(at)
            at += keep - self.stem
        return (*starts, at)

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def branched(self) -> bool:
        """Whether any token lies on a branch; without one it is a plain sequence."""
        return len(self) > self.stem

    def node(self, sequence: int, position: int) -> int:
        """Where in the tree a position of a sequence is laid out."""
        return position if position < self.stem else self._starts[sequence] + position - self.stem

    def nodes(self, sequence: int, positions: Sequence[int]) -> list[int]:
        """Where positions of a sequence are laid out; those that are not laid out are left out."""
        return [self.node(sequence, position) for position in positions if position < self.keep[sequence]]

    @cached_property
    def ids(self) -> Int[Tensor, " node"]:
        """Token id of each node."""
        flat = list(self.sequences[0].ids[: self.stem])
        for sequence, keep in zip(self.sequences, self.keep, strict=True):
            flat.extend(sequence.ids[self.stem : keep])
        return torch.tensor(flat)

    @cached_property
    def positions(self) -> Int[Tensor, " node"]:
        """Position of each node in its own sequence."""
        flat = list(range(self.stem))
        for keep in self.keep:
            flat.extend(range(self.stem, keep))
        return torch.tensor(flat)

    @cached_property
    def sees(self) -> Bool[Tensor, "node node"]:
        """Which nodes each node may attend to: itself and its ancestors."""
        branch = torch.full((len(self),), -1)
        for index, start in enumerate(self._starts[:-1]):
            branch[start : self._starts[index + 1]] = index
        same = (branch[None, :] == -1) | (branch[None, :] == branch[:, None])
        return same.tril()
