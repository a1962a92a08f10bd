"""Verdicts on rewards in planted worlds: which technique earns more is known, and is said in 38 of 40 of them."""

import numpy as np
import pytest

from steerstack.study.online_rl.comparison import compare, moves_choices_only

SEEDS, ITEMS = 5, 60

WORLDS = {
    # mean gain of a vector, of adapters, and of their difference on each item
    "equal": ((0.5, 0.5), "higher", "higher", "as good"),
    "the vector is better": ((0.6, 0.1), "higher", "higher", "higher"),
    "the vector is worse": ((0.1, 0.6), "higher", "higher", "lower"),
    "adapters are stuck": ((0.5, 0.0), "higher", "as good", "higher"),
    "nothing learns": ((0.0, 0.0), "as good", "as good", "as good"),
}


def outcomes(means, seed, spread=0.05):
    draw = np.random.default_rng(seed)
    hard = draw.normal(0, spread, ITEMS)  # an item is as hard for both
    gains = {
        (name, "test"): mean + hard + draw.normal(0, spread / 5, (SEEDS, 1)) + draw.normal(0, spread, (SEEDS, ITEMS))
        for name, mean in zip(("vector", "lora"), means, strict=True)
    }
    comparisons = compare(gains, [("vector", "lora")], margin=0.1, groups={"test": None})
    return [one.outcome for one in comparisons]


@pytest.mark.parametrize("world", WORLDS)
def test_the_verdict_is_the_planted_one(world):
    means, *expected = WORLDS[world]
    right = [outcomes(means, seed) == expected for seed in range(40)]
    assert sum(right) >= 38


def test_noise_is_not_called_a_difference():
    false = sum("higher" in words or "lower" in words for words in (outcomes((0, 0), n, 0.5) for n in range(40)))
    assert false <= 2  # at the 5 % level, three comparisons together


def test_few_items_bear_no_verdict():
    gains = {("vector", "test"): np.ones((5, 4)) + np.random.default_rng(0).normal(0, 0.01, (5, 4))}
    (comparison,) = compare(gains, [], margin=0.1, groups={"test": None})
    assert comparison.outcome == "not resolved"
    assert comparison.sentence.startswith("vector is not shown to move the mean reward")


@pytest.mark.parametrize(
    ("odds", "reward", "flagged"), [(0.5, 0.0, True), (0.5, 0.4, False), (-0.5, 0.0, True), (0.0, 0.0, False)]
)
def test_what_moves_log_odds_and_not_answers_is_flagged_and_nothing_else_is(odds, reward, flagged):
    right = 0
    for seed in range(40):
        draw = np.random.default_rng(seed)
        earned = reward + draw.choice([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], (SEEDS, ITEMS)) / 4
        moved = odds + draw.normal(0, 0.5, ITEMS) + draw.normal(0, 0.1, (SEEDS, ITEMS))
        (against_bare,) = compare({("vector", "test"): earned}, [], margin=0.1, groups={"test": None})
        right += moves_choices_only(moved, earned, against_bare, margin=0.1, comparisons=4) == flagged
    assert right >= 38


@pytest.mark.parametrize(("gains", "flagged"), [((0, 0), True), ((0, 0.4), False), ((0.4, 0.4), False)])
def test_answers_that_no_seed_changes_are_the_same_text_and_one_seed_that_changes_them_is_enough(gains, flagged):
    earned = np.repeat(np.array(gains, dtype=float)[:, None], ITEMS, axis=1)
    (against_bare,) = compare({("vector", "test"): earned}, [], margin=0.1, groups={"test": None})
    assert against_bare.outcome == "not resolved"  # of other seeds, two that are alike say little
    moved = np.full(earned.shape, 2.0)
    assert moves_choices_only(moved, earned, against_bare, margin=0.1, comparisons=2) == flagged
    assert not moves_choices_only(moved * [[1], [-1]], earned, against_bare, margin=0.1)
    assert not moves_choices_only(moved[:, :7], earned[:, :7], against_bare, margin=0.1)


def test_items_that_gain_what_others_lose_are_not_the_same_text():
    draw = np.random.default_rng(0)
    earned = np.tile([0.5, -0.5], (SEEDS, ITEMS // 2)) + draw.normal(0, 0.01, (SEEDS, ITEMS))
    moved = 1 + draw.normal(0, 0.1, earned.shape)
    (against_bare,) = compare({("vector", "test"): earned}, [], margin=0.25, groups={"test": None})
    assert against_bare.outcome == "as good"
    assert not moves_choices_only(moved, earned, against_bare, margin=0.25)
