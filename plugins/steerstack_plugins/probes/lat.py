"""LAT probe: the main axis of the pairs' differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from steerstack.contracts import Probe
from steerstack_plugins.probes.linear import LinearProbe, sides

if TYPE_CHECKING:
    from steerstack.contracts import PairStream


@final
class LATProbe(Probe):
    """Projection on the first principal axis of the differences of the pairs, turned towards the positive side.

    Zou et al., "Representation Engineering", arXiv 2310.01405, sec. 3.1: each difference is taken either way
    round alike, so that their mean is zero and the axis is the first right singular vector of the differences.
    Several layers are put side by side.
    """

    name = "lat"
    paper = "arXiv 2310.01405"

    def fit(self, pairs: PairStream) -> LinearProbe:
        """By a singular value decomposition."""
        import numpy as np

        positive, negative = sides(pairs)
        differences = positive - negative
        axis = np.linalg.svd(differences, full_matrices=False)[2][0]
        axis = axis if (differences @ axis).mean() >= 0 else -axis
        middle = (positive.mean(0) + negative.mean(0)) / 2
        return LinearProbe(middle, np.ones_like(middle), axis)
