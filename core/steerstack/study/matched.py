"""Matched cost: the strength at which an edit costs a given KL divergence on neutral text."""

from collections.abc import Sequence

import numpy as np

from steerstack.applying import apply
from steerstack.engine.divergence import divergence
from steerstack.errors import StudyError
from steerstack.study.neutral import neutral_texts
from steerstack.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector

GRID = 9
"""Strengths of one round."""

ROUNDS = 3
"""Each narrows the strength down to between two neighbours of the last."""

TEXTS = 6
"""Neutral texts of a calibration."""


def kl_at(
    model: Model, vector: SteeringVector, layer: int, scales: Sequence[float], tokens: Tokens, *, texts: int = TEXTS
) -> list[float]:
    """Mean KL per token (nats) from the unsteered model at each strength, on neutral text."""
    plans = [apply(vector, layer, scale, tokens=tokens) for scale in scales]
    return [float(np.mean(cost.kl)) for cost in divergence(model, neutral_texts(model.format, texts), plans)]


def scale_at(
    kl: float, model: Model, vector: SteeringVector, layer: int, tokens: Tokens, *, start: float, sign: float = 1.0
) -> float:
    """The strength whose mean KL per token is ``kl``, to a few percent.

    Parameters
    ----------
    kl:
        In nats per token.
    start:
        A strength of the right order, such as a tenth of the residual norm over the vector's.
    sign:
        Which way the vector is applied.

    Raises
    ------
    StudyError
        No strength within a factor of a thousand costs that much.
    """
    low, high = start / 32, start * 32
    scale = start
    for _ in range(ROUNDS):
        grid = np.geomspace(low, high, GRID)
        costs = np.array(kl_at(model, vector, layer, [sign * s for s in grid.tolist()], tokens))
        above = np.flatnonzero(costs >= kl)
        if not len(above) or above[0] == 0:
            raise StudyError(
                f"No strength of this vector at layer {layer} costs {kl:g} nats per token.",
                seen=f"{costs[0]:.2g} at {grid[0]:.3g} to {costs[-1]:.2g} at {grid[-1]:.3g}",
                fix="Choose another KL budget or layer.",
            )
        low, high = float(grid[above[0] - 1]), float(grid[above[0]])
        pair = np.log(np.maximum(costs[above[0] - 1 : above[0] + 1], 1e-12))
        share = (np.log(kl) - pair[0]) / (pair[1] - pair[0])
        scale = float(np.exp(np.log(low) + share * (np.log(high) - np.log(low))))
    return sign * scale
