"""Every metric of ours against the contract kit, on a few items and a tiny model."""

import pytest

from steerstack.catalog.manager import plugins
from steerstack.testing import MetricContract

MAY_BE_NAN = {
    "are-you-sure": {"regressive", "progressive"},
    "degeneration": {"distinct_1", "distinct_2", "distinct_3", "repeated_4", "non_words"},
    "hallucination-generation": {"wrong_attempted", "wrong_known", "wrong_made_up"},
}
JUDGED = {"sycophancy-feedback", "truthfulqa-generation"}
"""Judged by the embedded language model unless they are told otherwise."""


def contract(name, cls):
    few = {"limit": 4, "max_new_tokens": 6}
    metric = cls.make({key: value for key, value in few.items() if key in cls.model_fields})
    content = {"metric": metric, "may_be_nan": frozenset(MAY_BE_NAN.get(name, ())), "__module__": __name__}
    if name in JUDGED:
        content["pytestmark"] = pytest.mark.smollm2
    return type(f"Test{cls.__name__}", (MetricContract,), content)


for _name, _class in plugins().offers("metric").items():
    if _class.__module__.startswith("steerstack_plugins."):
        globals()[f"Test{_class.__name__}"] = contract(_name, _class)
