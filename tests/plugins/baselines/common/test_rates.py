"""As many configurations as vectors have, by the same criterion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.measure.scoring import score_data
from steerstack.steering.intervention import Plan
from steerstack.techniques.selection import CRITERION
from steerstack.techniques.technique import asked_by
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.baselines.common.rates import STEPS, grid, schedule
from steerstack_plugins.baselines.dpo import DPO
from steerstack_plugins.baselines.lora_sft import LoraSFT

TRAIN, VALIDATION = planted_data(8), planted_data(5, first=8)


@given(st.integers(1, 60))
def test_learning_rates_times_looks_are_the_choices(choices):
    rates, looks = grid(choices, 1e-3)
    assert len(rates) * looks == choices
    assert len(rates) >= looks
    assert any(rate == pytest.approx(1e-3) for rate in rates)
    assert len(set(rates)) == len(rates)


@given(st.integers(1, 200), st.integers(1, 16), st.integers(1, 5), st.integers(1, 6))
def test_a_run_has_enough_steps_for_its_looks(items, batch, epochs, looks):
    plan = schedule(items, batch, epochs, looks)
    steps = plan.epochs * -(-items // batch)
    assert steps >= STEPS
    assert steps // plan.every >= looks


@pytest.mark.parametrize(("baseline", "mode"), [(LoraSFT(rank=2), "text"), (DPO(rank=2), "yes-no")])
def test_the_best_configuration_by_mean_log_odds_is_taken(baseline, mode):
    tuned = asked_by(baseline, mode, 4).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    record = tuned.record
    assert (record["choices_tried"], record["criterion"]) == (4, CRITERION)
    looks = [value for run in record["tried"] for value in run["validation"]]
    (arm,) = score_data(tuned.model, VALIDATION, mode, [Plan()])
    assert -min(looks) == pytest.approx(float(arm.effect_scale.mean()), abs=1e-3)


def test_what_was_told_what_to_do_tries_no_more():
    assert asked_by(LoraSFT(epochs=1), "text", 18).choices == 1
    assert asked_by(LoraSFT(learning_rate=1e-4), "text", 18).choices == 1
    assert asked_by(LoraSFT(rank=2), "text", 18).choices == 18
