"""What nulls bear: the level is held whatever is chosen among, and few nulls claim nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.stats import rank_p
from steerstack.study.null_test import LEAST, NEEDED, NullTest, beside, borne, shown
from steerstack.techniques.search import choose
from steerstack.techniques.selection import Candidate

SHARES = (0.1, 0.2, 0.4)
STUDIES = 100


def taken_through(rng, layers, *, common=0.0):
    """A direction's effect on test items after the whole selection, in a model of what a study measures.

    At each layer a direction has a slope, which bends with the strength, and a cost; first-order effects, validation
    items and test items see it with noise. ``common`` is what every layer shares.
    """
    slope = common + rng.normal(0, 0.3, layers)
    bend, dear = rng.normal(0, 0.6, layers), rng.uniform(0.5, 4, layers)
    grid = [Candidate((layer,), share, share) for layer in range(layers) for share in SHARES]

    def true(one):
        return slope[one.layers[0]] * one.share + bend[one.layers[0]] * one.share**2

    promise = [slope[one.layers[0]] * one.share + rng.normal(0, 0.01) for one in grid]
    choice = choose(
        grid, lambda of: [true(one) + rng.normal(0, 0.03) for one in of],
        lambda one: dear[one.layers[0]] * one.share**2, promise=promise,
    )  # fmt: skip
    return true(choice.candidate) + rng.normal(0, 0.02)


def study(rng, layers, nulls, *, common=0.0):
    sizes = {family: [taken_through(rng, layers) for _ in range(nulls)] for family in NEEDED}
    return NullTest(taken_through(rng, layers, common=common), sizes)


@pytest.mark.parametrize("layers", [2, 6, 12, 30])
def test_a_random_direction_is_claimed_as_seldom_as_the_level_says(layers):
    rng = np.random.default_rng(layers)
    claims = np.mean([study(rng, layers, LEAST).claims for _ in range(STUDIES)])
    assert claims <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / (STUDIES))


def test_a_direction_that_does_something_is_claimed():
    rng = np.random.default_rng(1)
    assert np.mean([study(rng, 6, LEAST, common=2.0).claims for _ in range(20)]) > 0.8


@given(st.integers(0, LEAST - 1), st.integers(0, 2 * LEAST))
def test_fewer_nulls_claim_nothing_however_large_the_effect(few, others):
    for a, b in ((few, others), (others, few)):
        test = NullTest(100.0, {"random": [0.1] * a, "shuffled labels": [-0.1] * b})
        assert not test.claims
        assert not test.enough
        assert "needs 39 nulls of each family" in test.sentence or "Without nulls" in test.sentence


@given(st.floats(-3, 3), st.lists(st.floats(-3, 3)))
def test_the_p_is_the_rank_among_the_nulls_by_size(effect, nulls):
    assert rank_p(effect, nulls) == (1 + sum(abs(null) >= abs(effect) for null in nulls)) / (1 + len(nulls))
    assert rank_p(-effect, nulls) == rank_p(effect, nulls)


def test_one_null_of_a_family_may_move_it_further_and_two_may_not():
    for larger, claims in ((0, True), (1, True), (2, False)):
        nulls = [0.1] * (LEAST - larger) + [-0.9] * larger
        test = NullTest(0.5, {"random": [0.1] * LEAST, "shuffled labels": nulls})
        assert test.claims is claims
        assert test.p["random"] == 0.025


def test_sentences():
    nine = NullTest(0.5, {"random": [0.1] * 9, "shuffled labels": [0.1] * 8 + [-0.6]})
    assert nine.sentence == (
        "Taken through the same choices as its nulls, it moves the behaviour further than all 9 random directions "
        "(p = .10) and 8 of 9 vectors from shuffled labels (p = .20) (two-sided, by absolute size; a claim at the 5 % "
        "level needs 39 nulls of each family)."
    )
    assert [shown(p) for p in (0.025, 0.05, 0.1, 0.5, 1.0)] == [".025", ".050", ".10", ".50", "1"]


def test_null_techniques_are_told_by_their_names_and_neighbors_are_none():
    test = beside(-2.0, {"null: random": 1.0, "null: random 1": 3.0, "null: shuffled-labels": 0.5, "neighbor: x": 9.0})
    assert test.p == {"random": 2 / 3, "shuffled labels": 1 / 2}
    assert test.place == "1 of 2 random directions (p = .67) and the one vector from shuffled labels (p = .50)"
    assert beside(1.0, {}).place == ""


def test_a_study_claims_of_its_vectors_what_all_its_nulls_bear():
    few, many = (NullTest(1.0, {family: [0.1] * count for family in NEEDED}) for count in (1, LEAST))
    lost = NullTest(0.05, many.nulls)
    assert "nothing is claimed of a vector: that takes 39 of each" in borne({"a": many, "b": few})
    assert borne({"a": many, "b": lost}).endswith(": a.")
    assert borne({"b": lost}).endswith(": no vector.")
    assert borne({}) == ""
