"""How strong a scale is: its share of the activations' norm, and where the slider begins and ends."""

import math

from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.vector import SteeringVector
from steerstack.trace.model import Model

BEGIN, END = 0.1, 0.5
"""Shares of the median norm of the activations at which the slider begins, and which it reaches at least."""


def share(model: Model, vector: SteeringVector, layer: int, scale: float) -> float | None:
    """The norm that an addition adds, as a share of the median norm of the activations there; None for other edits."""
    norm = residual_norms(model, vector.component).get(layer)
    return scale * vector.norms[layer] / norm if vector.edit == "add" and norm else None


def first_scale(model: Model, vector: SteeringVector, layer: int) -> float:
    """Where the slider begins: a scale that adds :data:`BEGIN`, to two digits; 1 where the edit is no addition."""
    of_one = share(model, vector, layer, 1.0)
    return float(f"{BEGIN / of_one:.2g}") if of_one else 1.0


def reach(model: Model, vector: SteeringVector, layer: int, scale: float) -> float:
    """Where the slider ends, on either side: four times its beginning or :data:`END`, whichever is more."""
    of_one = share(model, vector, layer, 1.0)
    return _round_up(max(4 * abs(scale), END / of_one if of_one else 1.0))


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ..."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(float(f"{one * power:.3g}") for one in (1, 2, 5, 10) if one * power >= value * (1 - 1e-9))
