"""Every labeller of ours against the contract kit."""

from dataclasses import replace

from steerstack.catalog.manager import plugins
from steerstack.testing import LabellerContract, planted_data, two_topic_data
from steerstack_plugins.labellers.hard_items import HardItems
from steerstack_plugins.labellers.longer_answer import LongerAnswer
from steerstack_plugins.labellers.one_topic import OneTopic
from steerstack_plugins.labellers.random_flips import RandomFlips
from steerstack_plugins.labellers.user_view import UserView
from steerstack_plugins.labellers.weak_model import WeakModel


class TestRandomFlips(LabellerContract):
    labeller = RandomFlips()


class TestHardItems(LabellerContract):
    labeller = HardItems()


class TestLongQuestions(LabellerContract):
    labeller = HardItems(by="length")


class TestOneTopic(LabellerContract):
    labeller = OneTopic(topic="games")

    @property
    def data(self):
        return two_topic_data(8)


class TestLongerAnswer(LabellerContract):
    labeller = LongerAnswer()

    @property
    def data(self):
        data = planted_data(8)
        return data.take(tuple(item.inverted() for item in data))


class TestUserView(LabellerContract):
    labeller = UserView()

    @property
    def data(self):
        data = planted_data(8)
        return data.take(tuple(replace(item, question=f"I say no. {item.question}") for item in data))


class TestWeakModel(LabellerContract):
    labeller = WeakModel(mode="yes-no")


def test_every_labeller_of_ours_is_checked():
    ours = {cls for cls in plugins().offers("labeller").values() if cls.__module__.startswith("steerstack_plugins.")}
    checked = [cls for cls in globals().values() if hasattr(cls, "checks") and hasattr(cls, "labeller")]
    assert ours == {type(cls.labeller) for cls in checked}
