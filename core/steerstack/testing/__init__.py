"""For tests, ours and plugin authors': contracts to inherit, planted data, tiny models.

A plugin's tests are a class for each method::

    from steerstack.testing import ExtractorContract

    class TestMine(ExtractorContract):
        method = Mine()

The names below are loaded when they are first used. The contracts need pytest.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steerstack.testing.kit.audit_tests import AuditTestContract as AuditTestContract
    from steerstack.testing.kit.auditor import AuditorContract as AuditorContract
    from steerstack.testing.kit.baseline import BaselineContract as BaselineContract
    from steerstack.testing.kit.data_format import DataFormatContract as DataFormatContract
    from steerstack.testing.kit.edit import EditContract as EditContract
    from steerstack.testing.kit.extractor import ExtractorContract as ExtractorContract
    from steerstack.testing.kit.labeller import LabellerContract as LabellerContract
    from steerstack.testing.kit.metric import MetricContract as MetricContract
    from steerstack.testing.kit.organism import OrganismContract as OrganismContract
    from steerstack.testing.kit.probe import ProbeContract as ProbeContract
    from steerstack.testing.kit.reward import RewardContract as RewardContract
    from steerstack.testing.kit.study import StudyContract as StudyContract
    from steerstack.testing.kit.vector_format import VectorFormatContract as VectorFormatContract
    from steerstack.testing.models import tiny_model as tiny_model
    from steerstack.testing.models import tiny_tokenizer as tiny_tokenizer
    from steerstack.testing.planted import PlantedPairs as PlantedPairs
    from steerstack.testing.planted import planted_data as planted_data
    from steerstack.testing.planted import planted_model as planted_model
    from steerstack.testing.two_topics import two_topic_data as two_topic_data
    from steerstack.testing.two_topics import two_topic_model as two_topic_model

_HOMES = {
    "AuditTestContract": "kit.audit_tests",
    "AuditorContract": "kit.auditor",
    "BaselineContract": "kit.baseline",
    "DataFormatContract": "kit.data_format",
    "EditContract": "kit.edit",
    "ExtractorContract": "kit.extractor",
    "LabellerContract": "kit.labeller",
    "MetricContract": "kit.metric",
    "OrganismContract": "kit.organism",
    "PlantedPairs": "planted",
    "ProbeContract": "kit.probe",
    "RewardContract": "kit.reward",
    "StudyContract": "kit.study",
    "VectorFormatContract": "kit.vector_format",
    "planted_data": "planted",
    "planted_model": "planted",
    "tiny_model": "models",
    "tiny_tokenizer": "models",
    "two_topic_data": "two_topics",
    "two_topic_model": "two_topics",
}

__all__ = [*_HOMES]  # names of strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'steerstack.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"steerstack.testing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
