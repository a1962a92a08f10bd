"""Probes: classifiers that read activations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray
    from torch import Tensor

    from steerstack.contracts.pairs import PairStream


class FittedProbe(ABC):
    """A trained probe."""

    @abstractmethod
    def score(self, activations: Float[Tensor, "n layer d_model"]) -> Float[ndarray, " n"]:
        """Higher where the activations look more like the positive side; no unit, any monotone scale."""


class Probe(Method):
    """Learns to tell the two sides of contrast pairs apart from their activations."""

    @abstractmethod
    def fit(self, pairs: PairStream) -> FittedProbe:
        """Train on pairs; the layers are those of the stream."""
