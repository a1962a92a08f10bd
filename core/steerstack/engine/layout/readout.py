"""Which logits are needed, and what is kept of them: log-probabilities of answer tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from steerstack.engine.layout.tree import Tree


@dataclass(frozen=True)
class Readout:
    """For a batch of trees: the nodes whose next-token distribution is read, and the tokens looked up.

    ``places`` are (tree, node) pairs, each once; ``asked`` says for every answer token of
    every sequence which place predicts it and which token it is.
    """

    places: tuple[tuple[int, int], ...]
    asked: tuple[tuple[int, int, int, int], ...]  # tree, sequence, place, token

    @classmethod
    def of(cls, trees: Sequence[Tree]) -> "Readout":
        """All answer tokens of all sequences."""
        places: dict[tuple[int, int], int] = {}
        tokens = []
        for row, tree in enumerate(trees):
            for index, sequence in enumerate(tree.sequences):
                for position in range(sequence.answer_start, len(sequence)):
                    key = (row, tree.node(index, position - 1))
                    place = places.setdefault(key, len(places))
                    tokens.append((row, index, place, sequence.ids[position]))
        return cls(tuple(places), tuple(tokens))

    @cached_property
    def rows(self) -> Int[Tensor, " place"]:
        """Tree of each place."""
        return torch.tensor([row for row, _ in self.places])

    @cached_property
    def nodes(self) -> Int[Tensor, " place"]:
        """Node of each place."""
        return torch.tensor([node for _, node in self.places])

    def look_up(self, logits: Float[Tensor, "place vocab"]) -> Float[Tensor, " asked"]:
        """Log-probability of each answer token, in float32."""
        place = torch.tensor([entry[2] for entry in self.asked], device=logits.device)
        token = torch.tensor([entry[3] for entry in self.asked], device=logits.device)
        normaliser = logits.float().logsumexp(-1)
        return logits[place, token].float() - normaliser[place]

    def by_sequence(self, values: Float[Tensor, "asked *more"], n_trees: int) -> list[list[list[Any]]]:
        """The values sorted back: for each tree, for each sequence, one per answer token."""
        rows: list[dict[int, list[Any]]] = [{} for _ in range(n_trees)]
        for (row, index, _, _), value in zip(self.asked, values.tolist(), strict=True):
            rows[row].setdefault(index, []).append(value)
        return [[of_row[index] for index in sorted(of_row)] for of_row in rows]
