"""What the planner sees of an arm: where its plan first acts, and on which nodes of a tree."""

from dataclasses import dataclass

from steerstack.engine.tree import Tree
from steerstack.errors import NothingEditedError
from steerstack.intervention import Intervention, Plan


def entry_block(plan: Plan) -> int:
    """The first block whose input the plan can change: every earlier one is as unsteered.

    An edit of ``resid_post`` of layer L changes the input of block L + 1; one of any other
    component acts inside block L.
    """
    blocks = [site.layer + (site.component == "resid_post") for site in plan.sites]
    return min(blocks)


def edited_nodes(edit: Intervention, tree: Tree) -> list[int]:
    """Nodes of the tree that the edit touches."""
    nodes = {
        node
        for index, sequence in enumerate(tree.sequences)
        for node in tree.nodes(index, edit.tokens.positions(sequence))
    }
    return sorted(nodes)


def edited_positions(plan: Plan, tree: Tree) -> list[list[int]]:
    """For each sequence of a tree, the positions that any edit touches and that are run."""
    found: list[list[int]] = []
    for sequence, keep in zip(tree.sequences, tree.keep, strict=True):
        touched = {p for edit in plan for p in edit.tokens.positions(sequence) if p < keep}
        found.append(sorted(touched))
    return found


@dataclass(frozen=True)
class Count:
    """How many positions a plan edited, over all sequences of a run."""

    positions: int
    sequences: int

    def require(self, plan: Plan) -> "Count":
        """Refuse a plan that has edits and touched nothing.

        Raises
        ------
        NothingEditedError
            No position was edited.
        """
        if len(plan) and not self.positions:
            selections = ", ".join(sorted({str(edit.tokens) for edit in plan}))
            raise NothingEditedError(
                "The plan edited no position.",
                seen=f"token selection {selections} over {self.sequences} sequences",
                fix="Choose another selection: all, prompt, response, last or indices.",
            )
        return self
