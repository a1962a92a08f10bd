"""The steered passes over a batch: arms that part at one block, side by side."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from steerstack.engine.layout.batches import Batch
from steerstack.engine.layout.edited_nodes import edited_nodes
from steerstack.engine.layout.readout import Readout
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import Site
from steerstack.trace.forward import KeyValues, Pass, Start, run
from steerstack.trace.model import Model

ROW = 512
"""Bound on the tokens that arms may fill in one row: attention within a row grows with its square."""

PLACES = 768
"""Bound on the next-token distributions of one pass: each takes a row of the vocabulary's size."""


@dataclass(frozen=True)
class SteeredPass:
    """What all arms share that part at ``block``, with ``trunks`` tokens unedited before.

    Attributes
    ----------
    batch, readout:
        The trees, and what is read of them.
    block:
        The first block whose input differs.
    trunks:
        For each tree, the number of nodes before the first edited one.
    floor:
        The node at which ``hidden`` begins.
    hidden:
        Unsteered input of the block [tree, node - floor, d_model]; None for block 0.
    past:
        Keys and values of the unsteered pass.
    room:
        Bound on the columns of a row that arms share, with its trunk.
    together:
        Whether arms that share no row may share a pass.
    """

    batch: Batch
    readout: Readout
    block: int
    trunks: tuple[int, ...]
    floor: int
    hidden: Float[Tensor, "tree node d_model"] | None
    past: KeyValues | None
    room: int
    together: bool

    @cached_property
    def reach(self) -> int:
        """Number of past columns: the longest trunk."""
        return max(self.trunks)

    @cached_property
    def rest(self) -> int:
        """Number of columns of one arm: nodes after the trunk, of the tree with the most."""
        return max(len(tree) - trunk for tree, trunk in zip(self.batch.trees, self.trunks, strict=True))

    def chunks(self, members: Sequence[int], tokens: int) -> Iterator[Sequence[int]]:
        """Cut arms so that a pass stays within the bounds on tokens and on distributions."""
        trees = len(self.batch.trees)
        size = min(tokens // (trees * self.rest), PLACES // max(1, len(self.readout.places)))
        if self.reach:
            size = min(size, ROW // self.rest, (self.room - self.reach) // self.rest)
        elif not self.together:
            size = 1
        size = max(1, size)
        yield from (members[at : at + size] for at in range(0, len(members), size))

    @cached_property
    def columns(self) -> Int[Tensor, "tree rest"]:
        """Node of each column; columns past the end of a tree repeat its last node."""
        last = torch.tensor([len(tree) - 1 for tree in self.batch.trees])
        nodes = torch.tensor(self.trunks)[:, None] + torch.arange(self.rest)
        return torch.minimum(nodes, last[:, None])

    @cached_property
    def is_node(self) -> Bool[Tensor, "tree rest"]:
        """Which columns are nodes rather than padding."""
        lengths = torch.tensor([len(t) - k for t, k in zip(self.batch.trees, self.trunks, strict=True)])
        return torch.arange(self.rest)[None] < lengths[:, None]

    @cached_property
    def sees(self) -> Bool[Tensor, "tree rest reach_and_rest"]:
        """What each column of one arm sees: trunk keys, then columns of its own arm."""
        trees = torch.arange(len(self.batch.trees))[:, None, None]
        own = self.batch.sees[trees, self.columns[:, :, None], self.columns[:, None, :]]
        own = own & self.is_node[:, None, :] | torch.eye(self.rest, dtype=torch.bool)
        trunk = torch.arange(self.reach)[None] < torch.tensor(self.trunks)[:, None]
        return torch.cat([trunk[:, None, :].expand(-1, self.rest, -1), own], dim=-1)

    def _mask(self, arms: int) -> Tensor:
        """[tree, arms * rest, reach + arms * rest] where arms share a row; one arm a row otherwise."""
        if not self.reach:
            one = self.sees if self.batch.branched else self.is_node
            return one.repeat_interleave(arms, 0)
        trunk, own = self.sees[..., : self.reach], self.sees[..., self.reach :]
        apart = torch.einsum("ab,trs->tarbs", torch.eye(arms, dtype=torch.bool).int(), own.int()).bool()
        trees, rest = len(self.batch.trees), self.rest
        return torch.cat([trunk.repeat(1, arms, 1), apart.reshape(trees, arms * rest, arms * rest)], dim=-1)

    def _edits(self, plans: Sequence[Plan], device: torch.device) -> dict[Site, Callable[[Tensor], Tensor]]:
        by_site: dict[Site, list[tuple[int, Intervention, Tensor]]] = defaultdict(list)
        for arm, plan in enumerate(plans):
            for edit in plan:
                by_site[edit.site].append((arm, edit, self._touched(edit).to(device)))
        return {site: self._editor(entries, len(plans)) for site, entries in by_site.items()}

    def _touched(self, edit: Intervention) -> Bool[Tensor, "tree rest"]:
        touched = torch.zeros_like(self.is_node)
        for row, (tree, trunk) in enumerate(zip(self.batch.trees, self.trunks, strict=True)):
            touched[row, [node - trunk for node in edited_nodes(edit, tree)]] = True
        return touched

    def _editor(self, entries: list[tuple[int, Intervention, Tensor]], arms: int) -> Callable[[Tensor], Tensor]:
        trees, rest = len(self.batch.trees), self.rest

        def edit_all(hidden: Tensor) -> Tensor:
            apart = list(hidden.reshape(trees, arms, rest, -1).unbind(1))
            for arm, edit, touched in entries:
                here = touched[..., None].to(hidden.device)  # blocks may lie on several devices
                apart[arm] = torch.where(here, edit.edit(apart[arm]), apart[arm])
            return torch.stack(apart, 1).reshape(hidden.shape)

        return edit_all

    def run(self, model: Model, plans: Sequence[Plan]) -> list[Tensor]:
        """Run one pass for several arms; for each, the log-probabilities that the readout asks for."""
        arms, trees = len(plans), len(self.batch.trees)
        shape = (trees, arms * self.rest) if self.reach else (trees * arms, self.rest)
        rows = torch.arange(trees)[:, None]

        def spread(values: Tensor) -> Tensor:
            return values[:, None].expand(-1, arms, *values.shape[1:]).reshape(*shape, *values.shape[2:])

        edits = self._edits(plans, model.device)
        start = None
        if self.block:
            assert self.hidden is not None
            entry = spread(self.hidden[rows, self.columns - self.floor])
            before = edits.pop(Site("resid_post", self.block - 1), None)
            start = Start(self.block, before(entry) if before else entry)
        places = self.readout.nodes - torch.tensor(self.trunks)[self.readout.rows]

        def head(hidden: Tensor) -> Tensor:
            return (
                hidden.reshape(trees, arms, self.rest, -1).transpose(0, 1)[:, self.readout.rows, places].flatten(0, 1)
            )

        def keep(logits: Tensor) -> Tensor:
            return torch.stack([self.readout.look_up(part) for part in logits.chunk(arms)])

        past = None
        if self.reach:
            assert self.past is not None
            past = [(keys[:, :, : self.reach], values[:, :, : self.reach]) for keys, values in self.past]
        outcome = run(
            model,
            Pass(
                spread(self.batch.ids[rows, self.columns]),
                self._mask(arms),
                positions=spread(self.batch.positions[rows, self.columns]),
                past=past,
                start=start,
                edits=edits,
                head=head,
                logits=keep,
            ),
        )
        return list(outcome.logits)
