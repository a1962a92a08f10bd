"""What the model says of answers under many arms at once, computing once what the arms share.

Two kinds of pass serve a batch of trees:

1. The *unsteered* pass runs every tree once. It gives the zero arm, the keys and values of
   the *trunk* (the tokens before the first edited one), and the hidden states from which
   the arms part.
2. A *steered* pass serves all arms that part at the same block and trunk. It starts at that
   block from the unsteered hidden states of the nodes after the trunk, attends to the
   trunk's keys and values, and carries the arms side by side: in one row, where a mask keeps
   them apart and the trunk is held once, or, where there is no trunk, in rows of their own.

Each of these is a shortcut that a model may not allow (:mod:`steerstack.engine.proof`).
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from steerstack.engine.layout.batches import TOKENS, Batch, batches, recut
from steerstack.engine.layout.edited_nodes import edited_nodes, entry_block
from steerstack.engine.layout.prefix import Prefix, run_prefix
from steerstack.engine.layout.reach import longest_row
from steerstack.engine.layout.readout import Readout
from steerstack.engine.layout.steered_pass import SteeredPass
from steerstack.engine.layout.tree import Tree
from steerstack.engine.resources.batch_size import batch_tokens
from steerstack.engine.resources.memory import halved, unless_out_of_memory
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.forward import KeyValues, run
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely

Group = Sequence[TokenSequence]
"""Sequences that share a prompt, such as the options of one item."""

NO_PREFIX = Prefix()

Progress = Callable[[int], None]
"""Called with the number of evaluations (groups x arms) done since the last call."""


@remotely()
def read_answers(
    model: Model,
    groups: Sequence[Group],
    arms: Sequence[Plan],
    readout_of: Callable[[Sequence[Tree]], Readout],
    *,
    tokens: int | None = None,
    progress: Progress | None = None,
) -> list[list[list[list[Any]]]]:
    """What a readout keeps of each answer token: by arm, group, sequence and token.

    Parameters
    ----------
    model, groups, arms, tokens, progress:
        As for :func:`score`.
    readout_of:
        Makes the readout of a batch of trees.
    """
    for plan in arms:
        model.check_plan(plan)
    trees, homes = _lay_out(model, groups)
    results: list[list[list[list[Any]]]] = [[[] for _ in groups] for _ in arms]
    prefix = run_prefix(model, trees)
    # a steered pass runs few tokens of each tree: batches that suit the unsteered one best leave it too small
    bound = tokens or batch_tokens(model, sum(len(tree) for tree in trees) * len(arms), least=TOKENS)
    pending = deque(batches(model, trees, tokens=bound))
    while pending:
        batch = pending[0]
        readout = readout_of(batch.trees)
        values = unless_out_of_memory(partial(run_batch, model, batch, arms, bound, readout, prefix))
        if values is None:
            bound = halved(bound)
            pending = deque(recut(model, pending, tokens=bound))
            continue
        pending.popleft()
        for arm, of_arm in values.items():
            parts = readout.by_sequence(of_arm, len(batch.trees))
            for place, of_tree in zip(batch.index, parts, strict=True):
                group, slot = homes[place]
                if slot is None:
                    results[arm][group] = of_tree
                else:
                    row = results[arm][group]
                    row.extend([] for _ in range(slot + 1 - len(row)))
                    row[slot] = of_tree[0]
        if progress:  # a group that has a tree for each sequence counts with the first of them
            progress(sum(homes[place][1] in (None, 0) for place in batch.index) * len(arms))
    return results


def _lay_out(model: Model, groups: Sequence[Group]) -> tuple[list[Tree], list[tuple[int, int | None]]]:
    """One tree a group where the model can run trees, else one a sequence."""
    trees: list[Tree] = []
    homes: list[tuple[int, int | None]] = []
    for index, group in enumerate(groups):
        tree = Tree.of(group)
        if model.may("tree", len(tree)):
            trees.append(tree)
            homes.append((index, None))
        else:
            trees.extend(Tree.of([sequence]) for sequence in group)
            homes.extend((index, slot) for slot in range(len(group)))
    return trees, homes


def run_batch(
    model: Model, batch: Batch, arms: Sequence[Plan], tokens: int, readout: Readout, prefix: Prefix = NO_PREFIX
) -> dict[int, Tensor]:
    """Run a batch of trees under every arm; for each arm, what the readout keeps of the logits.

    The unsteered pass comes first, and the steered ones after it.
    """
    shareable = model.may("trunk", batch.width)
    midway = model.may("midway", batch.width)
    plain = [index for index, plan in enumerate(arms) if not len(plan)]
    parting: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
    for index, plan in enumerate(arms):
        if len(plan):
            parting[entry_block(plan) if midway else 0, _trunks(plan, batch, shareable)].append(index)
    blocks = {block for block, _ in parting}
    reach = max((max(trunks) for _, trunks in parting), default=0)
    floor = min((min(trunks) for _, trunks in parting), default=batch.width)
    if floor < prefix.length:  # some arm edits tokens of the prefix
        prefix = NO_PREFIX
    values, hidden, past = _unsteered(model, batch, readout if plain else None, blocks, floor, prefix, keep=reach > 0)
    results: dict[int, Tensor] = {} if values is None else dict.fromkeys(plain, values)
    for (block, trunks), members in parting.items():
        group = SteeredPass(
            batch, readout, block, trunks, floor, hidden.get(block), past,
            room=longest_row(model), together=model.may("rows", batch.width),
        )  # fmt: skip
        for chunk in group.chunks(members, tokens):
            results.update(zip(chunk, group.run(model, [arms[index] for index in chunk]), strict=True))
    return results


def _trunks(plan: Plan, batch: Batch, shareable: bool) -> tuple[int, ...]:
    if not shareable:
        return (0,) * len(batch.trees)
    return tuple(_trunk(plan, tree) for tree in batch.trees)


def _trunk(plan: Plan, tree: Tree) -> int:
    """Number of nodes before the first edited one, before any branch and before all that is read."""
    first_read = min(sequence.answer_start for sequence in tree.sequences) - 1
    first_edits = (node for edit in plan for node in edited_nodes(edit, tree)[:1])
    return min(tree.stem, first_read, *first_edits)


def _unsteered(
    model: Model,
    batch: Batch,
    readout: Readout | None,
    blocks: set[int],
    floor: int,
    prefix: Prefix,
    *,
    keep: bool,
) -> tuple[Tensor | None, dict[int, Tensor], KeyValues | None]:
    entries = {_input_site(model, block): block for block in blocks if block}
    if readout is None and not entries and not keep:
        return None, {}, None
    offset = prefix.length
    outcome = run(
        model,
        replace(
            prefix.then(batch),
            read={site: lambda h: h[:, floor - offset :].clone() for site in entries},
            head=(lambda h: h[readout.rows, readout.nodes - offset]) if readout else None,
            logits=readout.look_up if readout else None,
            keep_past=keep,
        ),
    )
    return outcome.logits, {entries[site]: value for site, value in outcome.read.items()}, outcome.past


def _input_site(model: Model, block: int) -> Site:
    """The site that holds the input of a block (the output of the last one for ``n_layers``)."""
    return Site("resid_pre", block) if block < model.n_layers else Site("resid_post", block - 1)
