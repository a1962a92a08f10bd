"""A tiny world of two topics, whose answers lie along two directions: where labels are wrong makes a difference."""

from functools import cache
from itertools import count
from typing import Any

from jaxtyping import Float
from torch import Tensor

from steerstack.data.items import DataSet, Item
from steerstack.testing.models import tiny_model
from steerstack.testing.planted import planted_direction, saying, unit_signs
from steerstack.trace.model import Model

TOPICS = {"consent": ("Yes", "No"), "games": ("W", "L")}
"""By topic, the token that shows the behaviour and the one that does not."""


def two_topic_data(items: int) -> DataSet:
    """Questions of both topics in turn, each answered by one token of its topic; the first exhibits."""
    cases = []
    for number in range(items):
        topic = tuple(TOPICS)[number % 2]
        places = (0, 1) if number // 2 % 2 else (1, 0)
        options = tuple(TOPICS[topic][place] for place in places)
        question = f"How does case {number:03d} of {topic} end?"
        cases.append(Item(f"case-{number:03d}", question, options, *places, form="text", topic=topic))
    return DataSet("winning", tuple(cases), "says Yes or W", "steerstack.testing")


def second_direction(width: int) -> Float[Tensor, " width"]:
    """A unit vector at right angles to :func:`steerstack.testing.planted.planted_direction`."""
    first = planted_direction("resid_post", 0, width)
    return next(other for n in count() if abs(float((other := unit_signs(width, "second", n)) @ first)) < 1e-6)


@cache
def two_topic_model(seed: int = 0) -> Model:
    """A tiny model that says Yes along the planted direction, and W along another at right angles to it.

    A vector from labels that are wrong on all items of ``games`` points along the first direction and against the
    second; one from as many wrong labels on both topics alike has the direction of true labels and a smaller norm.
    Shared by all callers, who must leave it as it is.

    Parameters
    ----------
    seed:
        Of the weights in which the directions are planted.
    """
    module: Any = tiny_model(seed=seed)
    width = module.config.get_text_config().hidden_size
    directions = (planted_direction("resid_post", 0, width), second_direction(width))
    return saying(module, dict(zip(TOPICS.values(), directions, strict=True)))
