"""Linear probes: a logistic regression, and the difference of the means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import FittedProbe, Probe
from steerstack.errors import DegenerateDirectionError

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray
    from torch import Tensor

    from steerstack.contracts import PairStream


@final
@dataclass(frozen=True)
class LinearProbe(FittedProbe):
    """``((a - mean) / spread) . weights``, over all layers of the stream side by side."""

    mean: Float[ndarray, " features"]
    spread: Float[ndarray, " features"]
    weights: Float[ndarray, " features"]

    def score(self, activations: Float[Tensor, "n layer d_model"]) -> Float[ndarray, " n"]:
        """The linear score."""
        flat = activations.double().flatten(1).numpy()
        return ((flat - self.mean) / self.spread) @ self.weights


def sides(pairs: PairStream) -> tuple[Float[ndarray, "pair features"], Float[ndarray, "pair features"]]:
    """Activations of both sides, the layers side by side; refuses sides that are the same."""
    batch = pairs.collect()
    positive, negative = (side.double().flatten(1).numpy() for side in (batch.positive, batch.negative))
    if (positive == negative).all():
        raise DegenerateDirectionError(
            "The two sides of every pair are the same.", fix="Check the pairs and the position that is read."
        )
    return positive, negative


@final
class LogisticProbe(Probe):
    """Logistic regression on standardised activations.

    Goldowsky-Dill et al., arXiv 2502.03407, sec. 3: mean 0 and variance 1 a feature, L2 penalty
    ``l2 / 2 |w|^2`` beside the summed loss. Several layers are put side by side.
    """

    name = "logistic"
    paper = "arXiv 2502.03407"

    l2: float = Field(10.0, gt=0, description="Strength of the L2 penalty (lambda).")

    def fit(self, pairs: PairStream) -> LinearProbe:
        """Train by scikit-learn."""
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        positive, negative = sides(pairs)
        scaler = StandardScaler()
        features = scaler.fit_transform(np.concatenate([positive, negative]))
        labels = np.repeat([1, 0], len(positive))
        model = LogisticRegression(C=1 / self.l2, max_iter=1000).fit(features, labels)
        return LinearProbe(scaler.mean_, scaler.scale_, model.coef_[0])


@final
class MeanDifferenceProbe(Probe):
    """Projection on the difference of the class means.

    MacDiarmid et al., "Simple probes can catch sleeper agents" (Anthropic, 2024); Marks & Tegmark,
    arXiv 2310.06824, sec. 4. Several layers are put side by side.
    """

    name = "mean-difference"
    paper = "arXiv 2310.06824"

    def fit(self, pairs: PairStream) -> LinearProbe:
        """The difference of the means, read from the middle between them."""
        import numpy as np

        positive, negative = sides(pairs)
        middle = (positive.mean(0) + negative.mean(0)) / 2
        return LinearProbe(middle, np.ones_like(middle), positive.mean(0) - negative.mean(0))
