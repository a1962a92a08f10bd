"""Baselines: what a vector has to beat, or to help on top of."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.data import DataSet
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned model and what it cost.

    Attributes
    ----------
    model:
        The model with its new weights.
    parameters:
        Number of trained parameters.
    seconds:
        Time it took.
    record:
        How it was trained and selected, for the record.
    """

    model: Model
    parameters: int
    seconds: float
    record: Mapping[str, Any]


class Baseline(Method):
    """Trains a model to exhibit the behaviour, as honestly as the vectors are made."""

    @abstractmethod
    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train a copy of the model on ``train``, choosing on ``validation``; the given model stays as it is."""
