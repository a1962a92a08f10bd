"""The shipped data sets and formats of data files that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import BehaviorSource, DataFormat
from steerstack_plugins.datasets.answer_keys import AnswerKeys
from steerstack_plugins.datasets.choice_files import ChoiceFiles
from steerstack_plugins.datasets.preferences import Preferences
from steerstack_plugins.datasets.shipped import Shipped
from steerstack_plugins.datasets.tables import Tables
from steerstack_plugins.datasets.truthfulqa import TruthfulQA


@hookimpl
def steerstack_data_formats() -> Sequence[type[DataFormat]]:
    """Each of them."""
    return [ChoiceFiles, Tables, TruthfulQA, AnswerKeys, Preferences]


@hookimpl
def steerstack_behaviors() -> Sequence[type[BehaviorSource]]:
    """Each of them."""
    return [Shipped]
