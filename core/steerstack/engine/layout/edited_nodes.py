"""What the planner sees of an arm: where its plan first acts, and on which nodes of a tree."""

from collections.abc import Sequence
from dataclasses import dataclass

from steerstack.engine.layout.tree import Tree
from steerstack.errors import NothingEditedError
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.tokens import TokenSequence


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


@dataclass(frozen=True)
class Count:
    """How many positions a plan edited, over all groups of a run."""

    positions: int
    groups: int

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
                seen=f"token selection {selections} over {self.groups} groups",
                fix="Choose another selection: all, prompt, response, answer, last or indices.",
            )
        return self


def edited_positions(plan: Plan, group: Sequence[TokenSequence]) -> list[int]:
    """Positions of a group's sequences that any edit touches and that are run (the last token is not)."""
    touched = {
        position
        for sequence in group
        for edit in plan
        for position in edit.tokens.positions(sequence)
        if position < len(sequence) - 1
    }
    return sorted(touched)


def count_edited(plan: Plan, groups: Sequence[Sequence[TokenSequence]]) -> Count:
    """How many positions a plan edits, each counted once a group."""
    return Count(sum(len(edited_positions(plan, group)) for group in groups), len(groups))
