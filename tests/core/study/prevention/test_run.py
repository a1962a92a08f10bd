"""Prevention on a model with a planted direction: what is trained with what, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest
from tests.support.planted_file import planted_file

from steerstack.data.items import SystemPrompts
from steerstack.data.splits import split
from steerstack.errors import StudyError
from steerstack.study.prevention.comparison import nothing_to_prevent
from steerstack.study.prevention.mix import along, mix
from steerstack.study.prevention.study import Prevention
from steerstack.testing import planted_data, planted_model

TRAIT, SKILL = planted_data(24), planted_data(24, first=24)


def declared(**fields):
    return Prevention(data="planted", layers=(1,), shares=(0.2,), score="yes-no", **fields)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    benign = tmp_path_factory.mktemp("texts") / "benign.txt"
    benign.write_text("It rained all day.\n\nBread wants time.", encoding="utf-8")
    study = declared(
        skill=planted_file(24, first=24), arms=("preventative", "inoculation", "kl-then-steer"), benign=str(benign),
        prompt="Always say Yes.", bad=1.0, items=8, seeds=2,
        mixes=(0.0, 1.0), finetune={"name": "full-sft", "epochs": 1, "learning_rate": 1e-3},
    )  # fmt: skip
    return study.run(planted_model(), data=TRAIT, folder=tmp_path_factory.mktemp("prevention"))


def test_a_mix_is_nested_and_keeps_trait_and_skill_apart():
    trait, skill = split(TRAIT, seed=0), split(SKILL, seed=0)
    mixes = {share: mix(trait, skill, share, 8, seed=1) for share in (0.0, 0.5, 1.0)}
    pool = {item.id: item for item in TRAIT}
    shown = {}
    for share, found in mixes.items():
        own = [item for item in found.train if item.id in pool]
        assert len(own) == len(found.train) - len(own) == 6
        shown[share] = {item.id for item in own if item.exhibits_text == pool[item.id].exhibits_text}
        assert len(shown[share]) == found.bad == round(share * 6)
        assert not {item.id for item in found.train} & {item.id for item in found.validation}
        assert not {item.question for item in own} & {item.question for item in trait.test}
    assert shown[0.0] < shown[0.5] < shown[1.0]
    assert mix(trait, skill, 0.5, 8, seed=1).train.digest == mixes[0.5].train.digest
    assert mix(trait, skill, 0.5, 8, seed=2).train.digest != mixes[0.5].train.digest


def test_only_what_is_in_place_differs_and_every_training_token_is_edited(result):
    records = {arm: result.fits[arm, 1.0, 0]["record"] for arm in result.arms}
    tokens = records["preventative"]["training_tokens"]
    assert records["preventative"]["edited_rows"] == tokens > 0
    assert records["preventative"]["train_with"]["scale"] == result.choice.scale
    assert records["preventative"]["train_with"]["layers"] == list(result.choice.candidate.layers)
    assert records["inoculation"]["train_with"] == {"kind": "inoculation", "system": "Always say Yes."}
    assert "train_with" not in records["plain"]
    prepared = records["kl-then-steer"]
    assert prepared["edited_rows"] > 0
    assert prepared["train_with"]["scale"] == -result.choice.scale
    for name in ("learning_rate", "epochs", "n_train"):
        assert len({record[name] for record in records.values()}) == 1
    plain, added = (records[arm]["loss_by_step"] for arm in ("plain", "preventative"))
    assert plain != added


def test_the_prepared_model_is_measured_under_the_vector(result):
    fit = result.fits["kl-then-steer", 1.0, 0]
    assert fit["plain"] == fit["steered"]
    (line,) = (one for one in result.verdict.split(". ") if one.startswith("Preparing for the vector"))
    assert "against plain training" in line


def test_numbers_are_those_of_the_frame(result):
    frame = result.frame()
    mean = frame.groupby(["arm", "bad", "on"]).log_odds.mean()
    for one in result.comparisons:
        other = mean[one.against, 0.0 if one.against == "bare" else 1.0, one.on]
        assert one.gap.value == pytest.approx(mean[one.arm, 1.0, one.on] - other)
    assert {one.against for one in result.comparisons} == {"bare", "plain"}
    assert len(result.comparisons) == 2 * len(result.arms)
    (none, all_bad) = result.sets
    assert (none[0], all_bad[0]) == (0.0, 1.0)
    assert all_bad[2].value == pytest.approx(mean["plain", 1.0, "trait"] - mean["bare", 0.0, "trait"])
    assert result.foretold.n == 2
    assert np.isinf(result.foretold.ci_low)
    assert result.verdict.startswith("Plain full-sft ")
    assert "Over 2 training sets" in result.verdict


def test_a_trait_that_plain_training_does_not_raise_is_said_to_leave_nothing_to_prevent(result):
    before = (result.values("plain", "trait").mean(0) + 1).tolist()
    still = replace(result, bare={**result.bare, "plain": {**result.bare["plain"], "trait": before}})
    said = nothing_to_prevent(still.comparisons[0])
    assert said
    assert still.verdict.index("Plain full-sft") < still.verdict.index(said) < still.verdict.index("Adding the vector")
    assert "what they prevent" not in result.verdict


def test_the_projection_is_a_mean_over_answer_tokens_beyond_the_model_s_own(result):
    found = along(planted_model(), TRAIT.limit(4), result.vector, 1)
    assert set(found) <= {item.id for item in TRAIT.limit(4)}
    gaps = [exhibits - contrast for exhibits, contrast in found.values()]
    shown, hidden = result.pushed[1.0], result.pushed[0.0]
    assert np.mean(gaps) > 0  # the vector is the mean difference of such answers
    assert np.mean(shown) > np.mean(hidden)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"finetune": {"name": "system-prompt"}}, "does not train weights on given answers"),
        ({"finetune": {"name": "lora-sft", "train_with": {"kind": "inoculation", "system": "x"}}}, "of its own"),
        ({"arms": ("inoculation",)}, "No system prompt asks for"),
        ({"arms": ("kl-then-steer",)}, "needs benign texts"),
        ({"arms": ("kl-then-steer",), "benign": "texts.txt", "finetune": {"name": "dpo"}}, "does not take"),
        ({"arms": ("kl-then-steer",), "benign": "texts.txt", "tokens": "-1"}, "edits all tokens"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_run(fields, says, tmp_path):
    with pytest.raises(StudyError, match=says):
        declared(**fields).run(planted_model(), data=replace(TRAIT, prompts=SystemPrompts()), folder=tmp_path)


@pytest.mark.parametrize("fields", [{"mixes": (0.5, 0.5)}, {"mixes": (1.5,)}, {"arms": ("ablate", "ablate")}])
def test_a_wrong_declaration_is_refused(fields):
    with pytest.raises(StudyError, match="does not fit"):
        Prevention.make({"data": "planted", **fields})
