"""A probe in one file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.contracts import FittedProbe, Probe
from steerstack.errors import DegenerateDirectionError

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import Tensor

    from steerstack.contracts import PairStream


@dataclass(frozen=True)
class Means(FittedProbe):
    """Class means [layer, d_model]."""

    positive: Tensor
    negative: Tensor

    def score(self, activations: Tensor) -> ndarray:
        """How much nearer the positive mean is than the negative one."""
        to_positive = (activations - self.positive).flatten(1).norm(dim=1)
        to_negative = (activations - self.negative).flatten(1).norm(dim=1)
        return (to_negative - to_positive).double().numpy()


class NearestMean(Probe):
    """Distance to the nearer class mean, as in the nearest-centroid classifier.

    Source: Tibshirani et al., PNAS 2002, eq. 1, without shrinkage.
    """

    name = "nearest-mean"
    paper = "Tibshirani et al., PNAS 2002"

    def fit(self, pairs: PairStream) -> Means:
        """The two means."""
        batch = pairs.collect()
        if bool((batch.positive == batch.negative).all()):
            raise DegenerateDirectionError("The two sides of every pair are the same.", fix="Check the pairs.")
        return Means(batch.positive.mean(0), batch.negative.mean(0))
