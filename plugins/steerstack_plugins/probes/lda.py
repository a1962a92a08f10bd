"""Linear discriminant probe: the mean difference, whitened by what varies within the sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Probe
from steerstack_plugins.probes.linear import LinearProbe, sides

if TYPE_CHECKING:
    from steerstack.contracts import PairStream


@final
class LDAProbe(Probe):
    """Projection on ``Sigma^-1 (mean_positive - mean_negative)``, the covariance shrunk by Ledoit and Wolf.

    Marks & Tegmark, arXiv 2310.06824, sec. 5.1 (the mass-mean probe with its covariance); Ledoit & Wolf, J.
    Multivariate Analysis 2004, by scikit-learn. Several layers are put side by side.
    """

    name = "lda"
    paper = "arXiv 2310.06824"

    def fit(self, pairs: PairStream) -> LinearProbe:
        """Train by scikit-learn."""
        import numpy as np
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        positive, negative = sides(pairs)
        features, labels = np.concatenate([positive, negative]), np.repeat([1, 0], len(positive))
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(features, labels)
        middle = (positive.mean(0) + negative.mean(0)) / 2
        return LinearProbe(middle, np.ones_like(middle), model.coef_[0])
