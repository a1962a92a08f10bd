"""Equal cost: the strength at which an edit costs a given KL divergence from the unsteered model."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from steerstack.engine.divergence import divergence
from steerstack.errors import StudyError
from steerstack.measure.neutral_text import neutral_texts
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.apply import apply_all
from steerstack.trace.model import Model

GRID = 9
"""Strengths of one round."""

ROUNDS = 3
"""Each narrows the strength down to between two neighbours of the last."""

TEXTS = 6
"""Neutral texts of a calibration."""

WITHIN = 0.05
"""Share of a KL by which a strength that is held at it on all texts may miss it."""

TRIES = 6
"""Strengths that are tried to hold it so."""


def kl_at(model: Model, plans: Sequence[Plan], texts: Sequence[TokenSequence] | None = None) -> list[float]:
    """Mean KL per token (nats) from the unsteered model under each plan, on neutral text (:data:`TEXTS` of ours)."""
    sequences = neutral_texts(model.format, TEXTS) if texts is None else texts
    return [float(np.mean(cost.kl)) for cost in divergence(model, sequences, plans)]


def scale_at(
    kl: float,
    model: Model,
    plan_at: Callable[[float], Plan],
    *,
    start: float,
    texts: Sequence[TokenSequence] | None = None,
    rounds: int = ROUNDS,
) -> float:
    """The strength whose mean KL per token is ``kl``, to a few percent.

    Parameters
    ----------
    kl:
        In nats per token.
    plan_at:
        The plan of a (positive) strength.
    start:
        A strength of the right order, such as a tenth of the residual norm over the vector's.
    texts:
        What the KL is measured on; neutral text of ours for None.
    rounds:
        How often the strength is narrowed down.

    Raises
    ------
    StudyError
        No strength within a factor of a thousand costs that much.
    """
    low, high = start / 32, start * 32
    scale = start
    for _ in range(rounds):
        grid = np.geomspace(low, high, GRID)
        costs = np.array(kl_at(model, [plan_at(strength) for strength in grid.tolist()], texts))
        above = np.flatnonzero(costs >= kl)
        if not len(above) or above[0] == 0:
            raise StudyError(
                f"No strength of this edit costs {kl:g} nats per token.",
                seen=f"{costs[0]:.2g} at {grid[0]:.3g} to {costs[-1]:.2g} at {grid[-1]:.3g}",
                fix="Choose another KL budget or layer.",
            )
        low, high = float(grid[above[0] - 1]), float(grid[above[0]])
        pair = np.log(np.maximum(costs[above[0] - 1 : above[0] + 1], 1e-12))
        share = (np.log(kl) - pair[0]) / (pair[1] - pair[0])
        scale = float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    return scale


def held_at(
    kl: float, model: Model, plan_at: Callable[[float], Plan], texts: Sequence[TokenSequence], *, start: float
) -> float:
    """The strength whose mean KL per token over all the texts is ``kl``, within :data:`WITHIN` of it.

    Sought on the first :data:`TEXTS` of them, then by secants of the logarithms on all.

    Raises
    ------
    StudyError
        There is none within a factor of a thousand, or none was found in :data:`TRIES` steps.
    """
    scale = scale_at(kl, model, plan_at, start=start, texts=texts[:TEXTS], rounds=1)
    slope, last = 2.0, None
    cost = 0.0
    for _ in range(TRIES):
        cost = kl_at(model, [plan_at(scale)], texts)[0]
        if abs(cost / kl - 1) <= WITHIN:
            return scale
        here = float(np.log(scale)), float(np.log(max(cost, 1e-12)))
        if last is not None and here[0] != last[0]:
            slope = float(np.clip((here[1] - last[1]) / (here[0] - last[0]), 0.5, 8.0))
        last = here
        scale = float(np.exp(here[0] + (np.log(kl) - here[1]) / slope))
    raise StudyError(
        f"No strength of this edit was found that costs {kl:g} nats per token.",
        seen=f"{cost:.3g} at {scale:.3g}",
        fix="Choose another KL budget or layer.",
    )


def strength_at(
    kl: float,
    model: Model,
    vector: SteeringVector,
    layers: Sequence[int],
    norms: Mapping[int, float],
    *,
    tokens: Tokens,
    texts: Sequence[TokenSequence] | None = None,
) -> float:
    """The strength of a vector, at some of its layers at once, whose mean KL per token is ``kl``.

    As :func:`scale_at`, beginning at a tenth of the residual stream's norm (``norms``, by layer).
    """
    start = 0.1 * norms[layers[0]] / vector.norms[layers[0]]
    return scale_at(kl, model, lambda scale: apply_all(vector, layers, scale, tokens=tokens), start=start, texts=texts)
