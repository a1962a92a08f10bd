"""What all trees of a call begin with (the template's opening, a system prompt) is run once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steerstack.engine.layout.batches import Batch
from steerstack.engine.layout.tree import Tree
from steerstack.engine.resources.memory import too_small, unless_out_of_memory
from steerstack.trace.forward import KeyValues, Pass, run
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Prefix:
    """Tokens that every tree of a call begins with, with their keys and values [1, heads, length, head_dim]."""

    length: int = 0
    past: KeyValues | None = None

    def then(self, batch: Batch) -> Pass:
        """The pass over what follows it in a batch of trees that all begin with it."""
        start, rows = self.length, len(batch.trees)
        past = self.past and [(keys.expand(rows, -1, -1, -1), of.expand(rows, -1, -1, -1)) for keys, of in self.past]
        mask = batch.sees[:, start:] if batch.branched or start else batch.exists
        return Pass(batch.ids[:, start:], mask, positions=batch.positions[:, start:], past=past)


def common_length(trees: Sequence[Tree], first_read: Sequence[int]) -> int:
    """Number of tokens that all trees begin with, before any branch and before all that is read.

    Parameters
    ----------
    trees:
        At least one.
    first_read:
        For each tree, the first node from which something is read.
    """
    bound = min(min(tree.stem, read) for tree, read in zip(trees, first_read, strict=True))
    first = trees[0].ids[:bound]
    common = torch.ones(bound, dtype=torch.bool)
    for tree in trees:
        common &= tree.ids[:bound] == first
    return bound if bool(common.all()) else int(common.int().argmin())


def run_prefix(model: Model, trees: Sequence[Tree]) -> Prefix:
    """Run the common beginning of trees whose answers are scored, if it is worth a pass of its own."""
    if len(trees) < 2 or not all(model.may("prefix", len(tree)) for tree in trees):
        return Prefix()
    length = common_length(trees, [min(s.answer_start for s in tree.sequences) - 1 for tree in trees])
    return run_tokens(model, trees[0], length if length >= 4 else 0)


def run_tokens(model: Model, tree: Tree, length: int) -> Prefix:
    """Run the first tokens of a tree's stem; no pass for none.

    Raises
    ------
    ModelError
        The device has not enough memory for them.
    """
    if not length:
        return Prefix()
    ids = tree.ids[None, :length]
    outcome = unless_out_of_memory(
        lambda: run(model, Pass(ids, torch.ones_like(ids, dtype=torch.bool), keep_past=True))
    )
    if outcome is None:
        raise too_small()
    return Prefix(length, outcome.past)
