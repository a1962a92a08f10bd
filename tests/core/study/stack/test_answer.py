"""What the items of a stacking study say: the share that moves against the vector is that of slopes below zero."""

import numpy as np
import pandas as pd

from steerstack import Stack
from steerstack.report.answer import ItemFrame
from steerstack.study.stack.answer import StackAnswer

ITEMS = [f"item {number}" for number in range(30)]


def arm(vector, log_odds):
    about = {"prompt": "none", "vector": vector, "finetune": "none", "vector_origin": "transferred"}
    values = pd.DataFrame({"item": ITEMS, "log_odds": log_odds, "probability": 1 / (1 + np.exp(-log_odds))})
    return values.assign(**about)


def answer(arms):
    return StackAnswer.of(Stack(data="kindness"), ItemFrame(pd.concat(arms), "kindness", {"test": None}))


def test_items_against_the_vector_are_those_with_a_falling_line():
    draw = np.random.default_rng(0)
    sides = {"negative": draw.normal(-0.2, 1, 30), "none": draw.normal(0, 1, 30), "positive": draw.normal(0.2, 1, 30)}
    of = answer([arm(side, values) for side, values in sides.items()])
    slopes = np.polyfit([-1, 0, 1], np.stack(list(sides.values())), 1)[0]  # Tan et al. 2024, least squares an item
    assert of.against.value == np.mean(slopes < 0)
    assert of.against.n == 30
    assert of.against.ci_low < of.against.value < of.against.ci_high


def test_one_side_alone_has_no_line():
    values = np.linspace(-1, 1, 30)
    assert answer([arm("none", values), arm("positive", values + 0.1)]).against is None
