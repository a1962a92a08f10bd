"""Numbers that a model's dtype cannot hold: edits that are too strong are refused before they run, and named after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import torch

from steerstack.errors import ModelError

if TYPE_CHECKING:
    from steerstack.steering.intervention import Intervention, Plan

LARGEST = 1e18
"""Norm beyond which the squares of a norm layer overflow in float32, whatever the dtype of the activations."""


def check_strength(plan: Plan, dtype: torch.dtype, name: str) -> None:
    """Refuse a plan whose edits give numbers that the dtype, or a norm layer, cannot hold.

    Each edit is tried on activations of a usual size, so that its own arithmetic decides.

    Raises
    ------
    ModelError
        An edit of it does.
    """
    for norm in _norms(plan, dtype):
        if not norm < LARGEST:
            raise overflow(plan, dtype, name, f"after the edit the activation's norm is {norm:.3g}")


def empties(plan: Plan) -> bool:
    """Whether an edit leaves nothing of an activation, as zero ablation does: logits are then rightly all the same."""
    return any(norm == 0 for norm in _norms(plan, torch.float32))


def _norms(plan: Plan, dtype: torch.dtype) -> Iterator[float]:
    """The norm of activations of a usual size after each edit that can be tried alone."""
    for edit in plan:
        # one that needs activations of another shape or place is seen when it runs
        with suppress(RuntimeError, TypeError, ValueError, IndexError):
            yield float(edit.edit(_activations(edit).to(dtype)).detach().float().norm())


def overflow(plan: Plan, dtype: torch.dtype, name: str, seen: str) -> ModelError:
    """The error that names the arm with its layers and scales, the dtype, and what was seen."""
    return ModelError(
        f"{name} overflows under {shown(plan)}, in {str(dtype).removeprefix('torch.')}.",
        seen=f"{seen}; the largest number of {str(dtype).removeprefix('torch.')} is {torch.finfo(dtype).max:.3g}",
        fix="Use a smaller scale, or a wider dtype (--dtype float32; bfloat16 has its range); a scale is a multiple of "
        "the vector, whose norms `steerstack vectors show` prints.",
    )


def shown(plan: Plan) -> str:
    """An arm in words: kind, site and scale of each edit."""
    return "the arm " + " >> ".join(_edit(edit) for edit in plan) if len(plan) else "the unsteered arm"


def _edit(edit: Intervention) -> str:
    scale = next((getattr(edit, name) for name in ("scale", "strength", "factor") if hasattr(edit, name)), None)
    strength = f", scale {scale:g}" if isinstance(scale, int | float) else ""
    return f"{type(edit).__name__} at {edit.site} (layer {edit.site.layer}{strength})"


def _activations(edit: Intervention) -> torch.Tensor:
    """Two activations whose entries are of size 1."""
    return torch.randn(1, 2, edit.width or 8, generator=torch.Generator().manual_seed(0))
