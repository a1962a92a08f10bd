"""What the plugin offers: one hook for each kind. Nothing heavy is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack import hookimpl
from steerstack_plugin_example.answer_entropy import AnswerEntropy
from steerstack_plugin_example.nearest_mean import NearestMean
from steerstack_plugin_example.trimmed_difference import TrimmedDifference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.contracts import Extractor, Metric, Probe


@hookimpl
def steerstack_extractors() -> Sequence[type[Extractor]]:
    """Trimmed difference."""
    return [TrimmedDifference]


@hookimpl
def steerstack_metrics() -> Sequence[type[Metric]]:
    """Answer entropy."""
    return [AnswerEntropy]


@hookimpl
def steerstack_probes() -> Sequence[type[Probe]]:
    """Nearest mean."""
    return [NearestMean]
