"""A tiny world in which the reward can be learnt: one vector a layer, adapters and all weights learn it."""

import json

import numpy as np
import pytest
from tests.plugins.baselines.conftest import undecided_model
from tests.support.answers import held_to_its_frame

from steerstack.errors import StudyError
from steerstack.study.online_rl.learner import learner
from steerstack.study.online_rl.study import OnlineRL
from steerstack.testing import planted_data

LEARNERS = (
    {"name": "vector-grpo", "learning_rate": 1e-2},
    {"name": "grpo", "rank": 2, "learning_rate": 1e-2},
    {"name": "full-grpo", "learning_rate": 1e-3},
)


def study(**more):
    settings = {
        "data": "planted", "techniques": ("mean-difference",), "learners": LEARNERS, "updates": 2, "prompts": 2,
        "answer_tokens": 1, "samples": 2, "layers": (1,), "shares": (0.2,), "seeds": 2, "nulls": 0, "score": "yes-no",
    }  # fmt: skip
    return OnlineRL(**{**settings, **more})


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return study().run(undecided_model(), data=planted_data(48), folder=tmp_path_factory.mktemp("rl"))


def test_all_three_learn_the_reward_and_it_is_said(result):
    comparisons = {(one.first, one.second): one for one in result.comparisons}
    for name in ("vector-grpo", "grpo", "full-grpo"):
        assert comparisons[name, ""].gap.value > 0.3
        assert comparisons[name, ""].outcome == "higher"
    assert "vector-grpo raises the mean reward" in result.verdict
    pairs = {("vector-grpo", "grpo"), ("vector-grpo", "full-grpo"), ("grpo", "full-grpo")}
    assert pairs | {("vector-grpo", "mean-difference")} == {key for key in comparisons if key[1]}


def test_the_budget_is_the_same_and_what_is_trained_is_not(result):
    arms = {arm["technique"]: arm for arm in result.value["arms"]}
    learners = [arms[name] for name in result.learners]
    assert {(one["rollouts"], one["labels"]) for one in learners} == {(2 * 2 * 4, result.n_labelled)}
    assert len({one["parameters"] for one in learners}) == 3
    assert arms["mean-difference"]["rollouts"] == 0
    assert all(one["kl"]["value"] > 0 for one in arms.values())


def test_numbers_are_those_of_the_frame(result):
    frame = result.frame()
    mean = frame.groupby("technique")[["reward", "effect"]].mean()
    for arm in result.value["arms"]:
        name = arm["technique"]
        assert arm["reward"]["value"] == pytest.approx(mean.reward[name])
        assert arm["reward_gain"]["value"] == pytest.approx(mean.reward[name] - mean.reward["bare"])
        assert arm["behaviour_gain"]["value"] == pytest.approx(mean.effect[name])
    assert result.value["bare"]["test"]["best_of_n"]["value"] >= mean.reward["bare"]
    json.dumps(result.to_json(), allow_nan=False)


def test_the_vector_on_top_is_transferred_everywhere_and_refitted_where_weights_changed(result):
    where = {(one.learner, one.origin) for one in result.stacked}
    assert where == {
        ("vector-grpo", "transferred"), ("grpo", "transferred"), ("grpo", "refitted"),
        ("full-grpo", "transferred"), ("full-grpo", "refitted"),
    }  # fmt: skip
    for one in result.stacked:
        on_top = [result.fits[one.learner, seed]["on_top"][one.origin]["test"]["behaviour"] for seed in range(2)]
        alone = result.gains("mean-difference", "test", "behaviour").mean()
        effect = np.mean(on_top) - result.values(one.learner, "test", "behaviour").mean()
        assert one.effect.value == pytest.approx(effect)
        assert one.retained.value == pytest.approx(effect / alone)


def test_what_learns_nothing_is_said_plainly_and_harder_items_are_a_test_of_their_own(tmp_path):
    still = study(learners=({"name": "grpo", "rank": 2, "learning_rate": 1e-30},), harder="margin", stacked=False)
    result = still.run(undecided_model(), data=planted_data(48), folder=tmp_path)
    assert "grpo kept nothing of its training under any seed." in result.verdict
    assert set(result.tested) == {"test", "harder"}
    learnt = {item.id for part in (result.splits.train, result.splits.validation) for item in part}
    assert not learnt & {item.id for data in result.tested.values() for item in data}
    assert not result.gains("grpo", "harder").any()
    assert "On harder items:" in result.verdict


def test_a_learner_is_one_and_has_no_budget_of_its_own():
    for entry, message in (
        ({"name": "lora-sft"}, "lora-sft does not learn from a reward"),
        ({"name": "grpo", "generations": 16}, "grpo was given generations of its own"),
    ):
        declaration = study(learners=(entry,))
        with pytest.raises(StudyError, match=message):
            learner(declaration.learners[0], declaration)


def test_a_reward_of_labels_needs_labels(tmp_path):
    with pytest.raises(StudyError, match="goes by labels"):
        study(score="text").run(undecided_model(), data=planted_data(24), folder=tmp_path)


def test_what_is_said_follows_from_the_frame_alone(result, tmp_path):
    held_to_its_frame(result, tmp_path, "reward_gain")
    frame = result.frame()
    carried = frame[frame.learner == "grpo"].groupby("vector").effect.mean()
    below = frame[frame.technique == "grpo"].effect.mean()
    for one in result.stacked:
        if one.learner == "grpo":
            assert one.effect.value == pytest.approx(carried[one.origin] - below)
