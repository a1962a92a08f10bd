"""How hard an item is, by measures that need no study: the model's own margin, a number that the set gives, length."""

import math
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.data.items import DataSet, Item
from steerstack.data.questions import ScoreMode
from steerstack.errors import DataError
from steerstack.measure.scoring import score_data
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

Measure = Literal["margin", "number", "length"]
"""By what items are hard; see :func:`hardness`."""


def hardness(model: Model, data: DataSet, by: Measure, mode: ScoreMode = "text") -> Float[NDArray[np.float64], " n"]:
    """How hard each item is, one number an item; higher is harder.

    Parameters
    ----------
    by:
        ``margin``: how far the unsteered model leans away from the exhibiting answer, in nats (per token for text).
        ``number``: the item's topic, which is a number: a difficulty, a grade, a count of reasoning steps.
        ``length``: words of the question.
    mode:
        How items are scored, for the margin.

    Raises
    ------
    DataError
        A topic is no number.
    """
    if by == "margin":
        return -score_data(model, data, mode, [Plan()])[0].effect_scale
    if by == "number":
        return np.array([_number(item) for item in data])
    return np.array([float(len(item.question.split())) for item in data])


def _number(item: Item) -> float:
    try:
        number = float(item.topic)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(
            "A topic is not a number, so it cannot say how hard its item is.",
            seen=f"{item.topic!r} of item {item.id}",
            fix="Put the difficulty into the column topic, or name topics.",
        )
    return number
