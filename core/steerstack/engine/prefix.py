"""What all trees of a call begin with (the template's opening, a system prompt) is run once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steerstack.engine.tree import Tree
from steerstack.trace.forward import KeyValues, Pass, run
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Prefix:
    """Tokens that every tree of a call begins with, with their keys and values [1, heads, length, head_dim]."""

    length: int = 0
    past: KeyValues | None = None

    def for_rows(self, rows: int) -> KeyValues | None:
        """The keys and values, seen from several rows (a view, not a copy)."""
        if self.past is None:
            return None
        return [(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)) for keys, values in self.past]


def run_prefix(model: Model, trees: Sequence[Tree]) -> Prefix:
    """Run the common beginning of the trees, if it is worth a pass of its own.

    It ends before the first token that is not common, on a branch, or read from.
    """
    if len(trees) < 2 or not all(model.runs_trees(len(tree)) for tree in trees):
        return Prefix()
    first = trees[0].ids
    bound = min(min(tree.stem, min(s.answer_start - 1 for s in tree.sequences)) for tree in trees)
    common = torch.ones(bound, dtype=torch.bool)
    for tree in trees:
        common &= tree.ids[:bound] == first[:bound]
    length = bound if bool(common.all()) else int(common.int().argmin())
    if length < 4:
        return Prefix()
    ids = first[None, :length]
    outcome = run(model, Pass(ids, torch.ones_like(ids, dtype=torch.bool), keep_past=True))
    return Prefix(length, outcome.past)
