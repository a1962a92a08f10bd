"""The words of a stacking study: of an answer, of an arm, and of what a vector does on top of the rest."""

import pytest

from steerstack.stats.estimate import Estimate
from steerstack.study.null_test import LEAST, NEEDED, NullTest
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
    said = alone_words("kindness", effect, test, over_samples)
    assert head in said.split(":")[0]
    assert f"{effect} on the log-odds scale (n = 40). {test.sentence}" in said


def entry(**more):
    return {"of": ["vector", "prompt"], "scale": "log-odds", "direction": "positive", "verdict": "reinforces",
            "first_on_top": UP.to_json(), "retained": Estimate(1.5, 1.2, 1.9, 40).to_json(), "p_holm": 0.01,
            "n_to_resolve": None, **more}  # fmt: skip


def test_what_holds_by_itself_but_not_among_all_interactions_says_so():
    sure, unsure = on_top([entry(), entry(p_holm=0.2)])
    assert sure.verdict == "reinforces"
    assert unsure.verdict == "reinforces by itself, not among all interactions: p = 0.2, Holm"
    assert unsure.sentence == (
        "On top of a positive prompt it does +0.300 [+0.200, +0.400], and keeps 150% [120%, 190%] of its effect "
        "(reinforces by itself, not among all interactions: p = 0.2, Holm)."
    )


def test_what_is_not_known_is_left_out_and_other_interactions_are_not_named():
    unknown = Estimate(1.5, float("-inf"), float("inf"), 40).to_json()
    (tuned,) = on_top([
        entry(scale="probability"), entry(direction="negative"), entry(of=["prompt", "sft"]),
        entry(of=["vector", "few-shot"], finetune="sft", vector_origin="refitted", verdict="not resolved",
              retained=unknown, n_to_resolve=90),
    ])  # fmt: skip
    assert (tuned.other, tuned.kept) == ("demonstrations on sft (refitted)", "")
    assert tuned.verdict == "not resolved; about 90 items would resolve it"


def test_an_arm_is_named_in_few_words():
    arm = {"finetune": "none", "vector_origin": "transferred", "prompt": "none", "vector": "none"}
    assert arm_words(arm) == "base"
    assert (
        arm_words({**arm, "finetune": "sft", "vector_origin": "refitted", "prompt": "few-shot", "vector": "negative"})
        == "sft, few-shot, vector - refitted"
    )
