"""Edits at listed places of a batch, as decoding needs them."""

from collections.abc import Callable

from torch import Tensor

from steerstack.intervention import Intervention

Answers = dict[tuple[int, int], list[int]]
"""New token ids by (arm, prompt)."""

Place = tuple[int, int]
"""(row, column) in a pass."""


def editor(entries: list[tuple[Intervention, Tensor, Tensor]]) -> Callable[[Tensor], Tensor]:
    """A function that edits the listed places of hidden states, leaving its input untouched."""

    def edit_all(hidden: Tensor) -> Tensor:
        changed = hidden.clone()
        for edit, row, column in entries:
            changed[row, column] = edit.edit(changed[row, column])
        return changed

    return edit_all
