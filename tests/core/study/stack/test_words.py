"""The words of a stacking study: of an answer, of an arm, and of what a vector does on top of the rest."""

from dataclasses import replace

import pytest

from steerstack.stats.estimate import Estimate
from steerstack.study.null_test import LEAST, NEEDED, NullTest
from steerstack.study.stack.grid import Cell, Interaction, Pairing
from steerstack.study.stack.words import alone_words, arm_words, on_top

UP, FLAT, DOWN = Estimate(0.3, 0.2, 0.4, 40), Estimate(0.1, -0.1, 0.3, 40), Estimate(-0.3, -0.4, -0.2, 40)
BEATEN = {family: [0.01] * LEAST for family in NEEDED}


@pytest.mark.parametrize(
    ("effect", "nulls", "over_samples", "head"),
    [
        (FLAT, BEATEN, None, "has no measurable effect on kindness"),
        (UP, BEATEN, FLAT, "is not resolved for new training samples"),
        (UP, {}, UP, "for want of nulls"),
        (UP, {family: [0.5] * LEAST for family in NEEDED}, None, "cannot be told apart from the nulls"),
        (UP, BEATEN, UP, "The vector alone raises kindness"),
        (DOWN, BEATEN, None, "The vector alone lowers kindness, against its sign"),
    ],
)
def test_an_answer_claims_what_effect_samples_and_nulls_bear(effect, nulls, over_samples, head):
    test = NullTest(effect.value, nulls)
    sentence = alone_words("kindness", effect, test, over_samples)
    assert head in sentence.split(":")[0]
    assert f"{effect} on the log-odds scale (n = 40). {test.sentence}" in sentence


PROMPT = Pairing(("vector", "prompt"), "positive")


def entry(pairing=PROMPT, **more):
    whole = Interaction(
        pairing, "log-odds", "reinforces", 0.25, UP, 0.01, 0.01, UP, UP, UP, UP, Estimate(1.5, 1.2, 1.9, 40),
        near_ceiling=False, n_to_resolve=None,
    )  # fmt: skip
    return replace(whole, **more)


def test_what_holds_by_itself_but_not_among_all_interactions_says_so():
    sure, unsure = on_top([entry(), entry(p_holm=0.2)])
    assert sure.verdict == "reinforces"
    assert unsure.verdict == "reinforces by itself, not among all interactions: p = 0.2, Holm"
    assert unsure.sentence == (
        "On top of a positive prompt it does +0.300 [+0.200, +0.400], and keeps 150% [120%, 190%] of its effect "
        "(reinforces by itself, not among all interactions: p = 0.2, Holm)."
    )


def test_what_is_not_known_is_left_out_and_other_interactions_are_not_named():
    unknown = Estimate(1.5, float("-inf"), float("inf"), 40)
    (tuned,) = on_top([
        entry(scale="probability"), entry(Pairing(("vector", "prompt"), "negative")),
        entry(Pairing(("prompt", "sft"), "positive")),
        entry(Pairing(("vector", "few-shot"), "positive", "refitted", "sft"), verdict="not resolved",
              retained=unknown, n_to_resolve=90),
    ])  # fmt: skip
    assert (tuned.other, tuned.kept) == ("demonstrations on sft (refitted)", "")
    assert tuned.verdict == "not resolved; about 90 items would resolve it"


def test_what_pushes_the_other_way_is_named():
    (opposed,) = on_top([entry(Pairing(("vector", "few-shot"), "positive"), verdict="oppose each other")])
    assert opposed.verdict == "few-shot alone pushes the other way"


def test_an_arm_is_named_in_few_words():
    assert arm_words(Cell("none", "none")) == "base"
    assert arm_words(Cell("few-shot", "negative", "sft", "refitted")) == "sft, few-shot, vector - refitted"
