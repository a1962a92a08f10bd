"""Edits at listed places of a batch, as decoding needs them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import Site

Place = tuple[int, int]
"""(row, column) in a pass."""


def _editor(entries: list[tuple[Intervention, Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """A function that edits the listed places of hidden states, leaving its input untouched."""

    def edit_all(hidden: Tensor) -> Tensor:
        result = hidden.clone()
        for edit, row, column in entries:
            result[row, column] = edit.edit(result[row, column])
        return result

    return edit_all


def edits_at(
    arms: Sequence[Plan], where: Callable[[Intervention, int], list[Place]]
) -> dict[Site, Callable[[Tensor], Tensor]]:
    """For each site, a function that edits the places of each arm by its own plan.

    Parameters
    ----------
    arms:
        All plans.
    where:
        From an edit and the index of its arm, the places that it is to touch in this pass.
    """
    by_site: dict[Site, list[tuple[Intervention, Tensor, Tensor]]] = {}
    for arm, plan in enumerate(arms):
        for edit in plan:
            places = where(edit, arm)
            if places:
                row, column = torch.tensor(places).unbind(1)
                by_site.setdefault(edit.site, []).append((edit, row, column))
    return {site: _editor(entries) for site, entries in by_site.items()}
