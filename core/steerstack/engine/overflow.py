"""Results that are none: log-probabilities that are no numbers, or those of logits that say nothing."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.steering.intervention import Plan
from steerstack.steering.limits import empties, overflow
from steerstack.trace.model import Model

SAME = 1e-6
"""Relative difference up to which log-probabilities count as those of a uniform distribution (float32 rounding)."""


def check_scores(model: Model, plan: Plan, groups: Sequence[Sequence[Sequence[float]]]) -> None:
    """Refuse scores of an arm that are NaN, infinite, or all exactly those of a uniform distribution.

    A norm layer whose squares overflow gives zeros, and so logits that are all the same. So does an edit that leaves
    nothing of the activations, which is no fault.

    Raises
    ------
    ModelError
        They are.
    """
    values = [value for group in groups for sequence in group for value in sequence]
    bad = sum(not math.isfinite(value) for value in values)
    if bad:
        raise overflow(plan, model.dtype, model.name, f"{bad} of {len(values)} log-probabilities are not finite")
    uniform = -math.log(model.n_ids)
    same = len(values) > 1 and all(abs(value - uniform) <= SAME * abs(uniform) for value in values)
    if same and not empties(plan):
        raise overflow(plan, model.dtype, model.name, f"all {len(values)} log-probabilities are -log {model.n_ids}")


def check_finite(model: Model, plan: Plan, values: Sequence[float], what: str) -> None:
    """Refuse values of an arm that are NaN or infinite; raises ModelError."""
    bad = sum(not math.isfinite(value) for value in values)
    if bad:
        raise overflow(plan, model.dtype, model.name, f"{bad} of {len(values)} values of {what} are not finite")


def check_logits(logits: Float[Tensor, "row vocab"]) -> None:
    """Refuse logits from which no token can be chosen: NaN, infinite, or all the same.

    Raises
    ------
    FloatingPointError
        A row's are.
    """
    spread = logits.amax(-1) - logits.amin(-1)
    if not bool((torch.isfinite(spread) & (spread > 0)).all()):
        raise FloatingPointError("logits that are not finite, or all the same")
