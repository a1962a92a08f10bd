"""Robust mean difference: the pairs that lie furthest from the others are left out of the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream

STEPS = 200
"""Steps of Weiszfeld's algorithm, at most."""

CLOSE = 1e-9
"""It ends where a step is shorter than this share of the usual distance, which also bounds distances from below."""


@final
class RobustDifference(Extractor):
    """Mean of the pairs' differences without those that lie furthest from their geometric median, layer by layer.

    The estimator is that of Lee and Valiant, arXiv 2011.08384, in the practical form of the code beside "Robust
    High-Dimensional Mean Estimation With Low Data Size" (github.com/cullena20/RobustMeanEstimation,
    ``lee_valiant_simple``): from a preliminary estimate, the farthest share of the points is left out, and the rest is
    averaged. That a robust mean in the place of the mean undoes much of what corrupted pairs do to a vector is the
    finding of arXiv 2603.03206. Here the points are the differences of the pairs, in which a wrong label is a
    reflection, and the preliminary estimate is the geometric median (Weiszfeld), which no draw decides; theirs is a
    median of means.

    With less than ``trim`` of the pairs wrong, and those farther from the median than right ones, it is a mean of
    right pairs. Where labels are right it leaves out the most unusual pairs. Not normalised. The record has the norm
    over that of the plain mean. Memory: the activations of all pairs.
    """

    name = "robust-difference"
    paper = "arXiv 2011.08384"

    trim: float = Field(0.2, ge=0, lt=0.5, description="Share of the pairs that are left out: as many as may be wrong.")

    def fit(self, pairs: PairStream) -> Fitted:
        """The trimmed mean of each layer."""
        from steerstack_plugins.extraction.common.sides import differences, mean_difference, sides

        batch = sides(pairs)
        deltas, plain = differences(batch).double(), mean_difference(batch, pairs.layers)
        directions, shares = {}, {}
        for index, layer in enumerate(pairs.layers):
            mean = trimmed(deltas[:, index], self.trim)
            directions[layer] = mean.float()
            shares[str(layer)] = float(mean.norm() / plain[index].norm())
        left_out = len(deltas) - kept(len(deltas), self.trim)
        return Fitted(directions, record={"left_out": left_out, "norm_over_plain_mean": shares})


def trimmed(points: Float[Tensor, "pair width"], trim: float) -> Float[Tensor, " width"]:
    """Mean of the points nearest to their geometric median; of equals the first are kept."""
    distances = (points - geometric_median(points)).norm(dim=1)
    return points[distances.argsort(stable=True)[: kept(len(points), trim)]].mean(0)


def kept(count: int, trim: float) -> int:
    """How many of so many points are averaged: the share that is left out is rounded down."""
    return count - int(trim * count)


def geometric_median(points: Float[Tensor, "pair width"]) -> Float[Tensor, " width"]:
    """The point with the least sum of distances, by Weiszfeld's algorithm from the mean."""
    at = points.mean(0)
    usual = float((points - at).norm(dim=1).mean())
    if not usual:
        return at
    for _ in range(STEPS):
        weights = 1 / (points - at).norm(dim=1).clamp_min(CLOSE * usual)
        new = (weights[:, None] * points).sum(0) / weights.sum()
        step, at = float((new - at).norm()), new
        if step < CLOSE * usual:
            break
    return at
