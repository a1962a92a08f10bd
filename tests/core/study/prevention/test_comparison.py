"""What is said of trait and skill, where the truth is known."""

import numpy as np
import pytest

from steerstack.study.prevention.comparison import nothing_to_prevent, shifts


def drawn(mean, *, seeds=4, items=40, number=0, spread=0.2):
    return mean + spread * np.random.default_rng(number).standard_normal((seeds, items))


def told(moved, **options):
    groups = {"trait": None, "skill": None}
    return {one.arm: one for one in shifts(moved, margin=0.1, groups=groups, **options)}


def test_the_outcome_is_the_planted_one():
    moved = {
        ("up", "plain", "trait"): drawn(0.5),
        ("down", "plain", "skill"): drawn(-0.5, number=1),
        ("still", "plain", "skill"): drawn(0.0, number=2),
        ("noisy", "plain", "trait"): drawn(0.05, number=3, spread=4.0),
    }
    found = told(moved)
    outcomes = {arm: one.outcome for arm, one in found.items()}
    assert outcomes == {"up": "higher", "down": "lower", "still": "unmoved", "noisy": "not resolved"}
    assert found["up"].clause.startswith("raises the trait (+0.5")
    assert found["still"].clause.startswith("leaves the skill as it was")
    assert found["up"].gap.ci_low < 0.5 < found["up"].gap.ci_high
    assert found["noisy"].p_corrected >= found["noisy"].p


def test_all_comparisons_are_one_family():
    one = {("a", "plain", "trait"): drawn(0.03, number=5)}
    alone = told(one)["a"]
    many = {**one, **{(f"b{n}", "plain", "skill"): drawn(0.0, number=n, spread=4.0) for n in range(9)}}
    assert told(many)["a"].p_corrected == pytest.approx(min(1.0, 10 * alone.p))


def test_few_items_bear_no_verdict():
    assert told({("a", "plain", "trait"): drawn(0.5, items=7)})["a"].outcome == "not resolved"


@pytest.mark.parametrize(
    ("mean", "spread", "says"),
    [
        (0.5, 0.2, ""),
        (0.0, 0.2, "did not teach the trait, so there was nothing to prevent"),
        (-0.5, 0.2, "did not teach the trait, so there was nothing to prevent"),
        (0.05, 4.0, "Whether plain training teaches the trait is not resolved"),
    ],
)
def test_where_plain_training_teaches_no_trait_it_is_said_that_there_is_nothing_to_prevent(mean, spread, says):
    plain = told({("plain", "bare", "trait"): drawn(mean, spread=spread)})["plain"]
    said = nothing_to_prevent(plain)
    assert said.endswith("not what they prevent.") if says else not said
    assert says in said
