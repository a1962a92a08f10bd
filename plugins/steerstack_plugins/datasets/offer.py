"""The shipped data sets, the formats of data files, and the labellers that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import BehaviorSource, DataFormat, Labeller
from steerstack_plugins.datasets.answer_keys import AnswerKeys
from steerstack_plugins.datasets.behaviors import Shipped
from steerstack_plugins.datasets.choice_files import ChoiceFiles
from steerstack_plugins.datasets.preferences import Preferences
from steerstack_plugins.datasets.tables import Tables
from steerstack_plugins.datasets.truthfulqa import TruthfulQA
from steerstack_plugins.labellers.hard_items import HardItems
from steerstack_plugins.labellers.longer_answer import LongerAnswer
from steerstack_plugins.labellers.one_topic import OneTopic
from steerstack_plugins.labellers.random_flips import RandomFlips
from steerstack_plugins.labellers.user_view import UserView
from steerstack_plugins.labellers.weak_model import WeakModel


@hookimpl
def steerstack_data_formats() -> Sequence[type[DataFormat]]:
    """Each of them."""
    return [ChoiceFiles, Tables, TruthfulQA, AnswerKeys, Preferences]


@hookimpl
def steerstack_behaviors() -> Sequence[type[BehaviorSource]]:
    """Each of them."""
    return [Shipped]


@hookimpl
def steerstack_labellers() -> Sequence[type[Labeller]]:
    """Each of them."""
    return [HardItems, LongerAnswer, OneTopic, RandomFlips, UserView, WeakModel]
