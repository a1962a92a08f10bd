"""Simulated studies with planted effects: right verdicts, honest intervals, few false claims."""

import numpy as np
import pytest

from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.study.stack.grid import Cell, interactions, quadruples

N = 64
STUDIES = 400
PLANTED = {
    # effect of the vector, of the prompt, and what both together add to the sum
    "additive": (1.0, 0.8, 0.0),
    "partly redundant": (0.4, 0.5, -0.25),
    "redundant": (1.0, 1.0, -1.0),
    "interfering": (0.4, 0.5, -0.8),
    "none": (0.0, 0.0, 0.0),
}
RIGHT = {
    "additive": "adds up", "partly redundant": "partly redundant", "redundant": "redundant",
    "interfering": "interferes", "none": "neither works alone",
}  # fmt: skip


def arms(case, seed):
    """Log-odds of each item in the four arms: items differ in level and in how far they move."""
    rng = np.random.default_rng([seed, *map(ord, case[:4])])
    vector, prompt, extra = (effect + rng.normal(0, 0.3, N) for effect in PLANTED[case])
    base = rng.normal(0, 1.5, N)
    levels = {"neither": base, "first": base + vector, "second": base + prompt, "both": base + vector + prompt + extra}
    return {name: values + rng.normal(0, 0.1, N) for name, values in levels.items()}


def study(case, seed):
    """The interaction of vector and prompt as a stacking study states it, on log-odds."""
    samples = arms(case, seed)
    cells = {"neither": ("none", "none"), "first": ("none", "positive"), "second": ("positive", "none"),
             "both": ("positive", "positive")}  # fmt: skip
    grid = {Cell(*cells[name]): ArmValues(values, estimates.sigmoid(values), N) for name, values in samples.items()}
    return next(entry for entry in interactions(quadruples(grid), margin=0.25) if entry.scale == "log-odds")


@pytest.mark.parametrize("case", PLANTED)
def test_the_verdict_is_right(case):
    verdicts = [study(case, seed).verdict for seed in range(25)]
    assert verdicts.count(RIGHT[case]) >= 21, verdicts


@pytest.mark.parametrize("case", ["additive", "interfering"])
def test_intervals_cover_what_was_planted(case):
    hits = 0
    for seed in range(STUDIES):
        samples = arms(case, seed)
        estimate = estimates.interaction(samples["both"], samples["first"], samples["second"], samples["neither"])
        hits += estimate.ci_low <= PLANTED[case][2] <= estimate.ci_high
    assert 0.93 <= hits / STUDIES <= 0.97
