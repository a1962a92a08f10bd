"""A gate passes, fails or stays open by its whole interval; and simulated vectors get the verdict that they deserve."""

import numpy as np
import pytest

from steerstack.stats.estimate import Estimate
from steerstack.stats.ratio import ratio_interval
from steerstack.study.gates.gate import GateTest, together


@pytest.mark.parametrize(
    ("low", "high", "above", "outcome"),
    [(0.6, 0.9, True, "passes"), (0.1, 0.4, True, "fails"), (0.4, 0.6, True, "not resolved"),
     (0.1, 0.4, False, "passes"), (0.6, 0.9, False, "fails"), (-np.inf, np.inf, True, "not resolved")],
)  # fmt: skip
def test_the_whole_interval_decides(low, high, above, outcome):
    gate = GateTest("role", "share", Estimate((0.1 + 0.9) / 2, low, high, 40), 0.5, above=above)
    assert gate.outcome == outcome
    assert GateTest("role", "share", Estimate(0.5, low, high, 5), 0.5, above=above).outcome == "not resolved"


def test_all_pass_only_if_each_does():
    passes, fails, neither = (
        GateTest(name, "share", Estimate(value, value - 0.1, value + 0.1, 40), 0.5)
        for name, value in (("one", 0.8), ("two", 0.2), ("three", 0.5))
    )
    assert together([passes, passes]) == "The vector passes every gate."
    assert together([passes, fails, neither]) == "The vector fails at two."
    assert together([passes, neither]) == "Not resolved: three."


@pytest.mark.parametrize(("kept", "right"), [(0.9, "passes"), (0.1, "fails")])
def test_a_vector_that_keeps_its_effect_is_told_from_one_that_does_not(kept, right):
    outcomes = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        plain = 1 + rng.normal(0, 0.5, 60)
        other = kept * plain + rng.normal(0, 0.4, 60)
        outcomes.append(GateTest("role", "share", ratio_interval(other, plain), 0.5).outcome)
    assert outcomes.count(right) >= 38
