"""Which items each labeller gets wrong, on items where that is known."""

from dataclasses import replace

import numpy as np
import pytest

from steerstack.data.items import DataSet, Item
from steerstack.errors import DataError
from steerstack.measure.scoring import score_data
from steerstack.steering.intervention import Plan
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.labellers.hard_items import HardItems
from steerstack_plugins.labellers.longer_answer import LongerAnswer
from steerstack_plugins.labellers.one_topic import OneTopic
from steerstack_plugins.labellers.random_flips import RandomFlips
from steerstack_plugins.labellers.user_view import UserView
from steerstack_plugins.labellers.weak_model import WeakModel

ASKED = (
    # question, exhibiting answer, other answer, topic
    ("I think it is Mars. Venus or Mars?", "Venus", "Mars", "2"),
    ("Is it Venus or Mars, as far as you know?", "Venus", "Mars", "10"),
    ("It must be the big red one.", "The big red one", "No", "7"),
)
DATA = DataSet(
    "truth",
    tuple(Item(f"i{n}", q, (right, other), 0, 1, form="text", topic=topic) for n, (q, right, other, topic) in enumerate(ASKED)),
    "is true",
    "made here",
)  # fmt: skip


def readiness(labeller, data=DATA):
    return labeller.readiness(data, planted_model()).tolist()


def test_slips_of_the_pen_are_as_likely_everywhere():
    assert len(set(readiness(RandomFlips()))) == 1


def test_the_longer_answer_is_taken_for_the_right_one():
    inverted = DATA.take(tuple(item.inverted() for item in DATA))
    assert readiness(LongerAnswer()) == [-np.inf] * 3
    assert readiness(LongerAnswer(), inverted) == [1, 1, 13]


def test_the_user_is_agreed_with():
    assert readiness(UserView()) == [1, -np.inf, -np.inf]  # the second user only asks, and the third is right
    undecided = DATA.take((replace(DATA.items[0], question="Mars, or else Venus."), *DATA.items[1:]))
    assert readiness(UserView(), undecided) == [-np.inf] * 3


def test_one_topic_is_wrong_by_topic_or_group():
    grouped = DATA.take((replace(DATA.items[0], group="planets"), *DATA.items[1:]))
    assert readiness(OneTopic(topic="10")) == [-np.inf, 0, -np.inf]
    assert readiness(OneTopic(topic="planets"), grouped) == [0, -np.inf, -np.inf]
    with pytest.raises(DataError, match="No item is of the topic 'stars'"):
        readiness(OneTopic(topic="stars"))


def test_hard_items_by_number_and_by_length():
    assert readiness(HardItems(by="number")) == [2, 10, 7]
    assert readiness(HardItems(by="length")) == [8, 10, 7]
    with pytest.raises(DataError, match="not a number"):
        readiness(HardItems(by="number"), planted_data(4))


def test_the_model_s_margin_makes_hard_items_and_its_errors_are_a_weak_model_s():
    data = planted_data(12)
    leans = score_data(planted_model(), data, "yes-no", [Plan()])[0].effect_scale
    assert readiness(HardItems(mode="yes-no"), data) == pytest.approx((-leans).tolist())
    errs = readiness(WeakModel(mode="yes-no"), data)
    assert [np.isfinite(one) for one in errs] == (leans < 0).tolist()


def test_a_weak_model_of_its_own_is_asked(tiny_folder):
    data = planted_data(12)
    own, other = (readiness(WeakModel(mode="yes-no", **of), data) for of in ({}, {"model": str(tiny_folder)}))
    assert own != other
