"""Wrong labels in a world where it is known what they cost, and where."""

import json

import numpy as np
import pytest
from tests.support.answers import held_to_its_frame

from steerstack import LabelErrors
from steerstack.errors import StudyError
from steerstack.testing import two_topic_data, two_topic_model

GAMES = {"name": "one-topic", "topic": "games"}


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    study = LabelErrors(
        data="planted", techniques=("mean-difference",), labellers=(GAMES, "random-flips"), noise=(0.25, 0.6),
        layers=(2,), shares=(0.2,), seeds=3, nulls=0, position="response",
    )  # fmt: skip
    return study.run(two_topic_model(), data=two_topic_data(80), folder=tmp_path_factory.mktemp("errors"))


def test_errors_on_one_topic_are_found_and_slips_are_not_taken_for_them(result):
    cells = {(one.labeller, one.asked): one for one in result.cells}
    biased, slips = cells["one-topic topic games", 0.25], cells["random-flips", 0.25]
    assert (biased.learnt, slips.learnt) == ("learns the error", "cannot be told")
    assert slips.kept == "keeps its effect"
    assert biased.bias.ci_low > 0
    assert "it learns the error" in biased.sentence


def test_a_labeller_gets_no_more_wrong_than_it_errs_on(result):
    worst = {one.labeller: one for one in result.answer.at_worst}["one-topic topic games"]
    assert 0.4 < worst.share < 0.6
    sentence = f"one-topic topic games gets no more than {worst.share:.0%} of the labels wrong; 60% were asked for."
    assert result.answer.fell_short == [sentence]
    assert (worst.kept, worst.learnt) == ("loses part of it", "learns the error")


def test_numbers_are_those_of_the_frame(result):
    frame = result.frame()
    mean = frame[frame.seed >= 0].groupby(["labeller", "noise"]).effect.mean()
    for one in result.cells:
        assert one.effect.value == pytest.approx(mean[one.labeller, one.asked])
        assert one.recovered.value == pytest.approx(mean[one.labeller, one.asked] / mean["true labels", 0.0])
    games = {item.id for item in result.splits.test if item.topic == "games"}
    assert len({(one.labeller, one.asked) for one in result.cells}) == 4
    wide = frame.pivot_table(index=["labeller", "noise"], columns="item", values="effect")
    loss = wide.loc["true labels", 0.0] - wide.loc["one-topic topic games", 0.25]
    there = np.array([item in games for item in loss.index])
    biased = next(one for one in result.cells if one.asked == 0.25 and one.bias)
    assert biased.bias.value == pytest.approx(loss[there].mean() - loss[~there].mean())
    json.dumps(result.to_json(), allow_nan=False)
    assert {one["choices_tried"] for one in result.value["choices"]} == {1}


def test_a_labeller_that_never_errs_is_refused(tmp_path):
    study = LabelErrors(data="planted", techniques=("mean-difference",), labellers=("longer-answer",))
    with pytest.raises(StudyError, match="longer-answer gets none of the labels wrong"):
        study.run(
            two_topic_model(),
            data=two_topic_data(24).take(tuple(item for item in two_topic_data(48) if item.topic == "games")),
            folder=tmp_path,
        )


def test_what_is_said_follows_from_the_frame_alone(result, tmp_path):
    held_to_its_frame(result, tmp_path)
