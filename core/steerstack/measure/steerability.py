"""Steerability: how far an item's log-odds follow the multiplier (Tan et al., arXiv 2407.12404)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy.stats import linregress

from steerstack.errors import StudyError
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate


@dataclass(frozen=True)
class Steerability:
    """How a data set's items answer to the strength of one vector.

    Attributes
    ----------
    multipliers:
        The strengths, in increasing order.
    slopes:
        Least-squares slope of log-odds on multiplier of each item, nats per unit of strength.
    mean:
        Mean slope over items; it is also the slope of the mean log-odds.
    anti:
        Share of items with a slope below zero, with its exact interval.
    fit:
        Share of the variance of the mean log-odds over strengths that its line explains (R squared).
    log_odds, probability:
        Mean over items at each strength.
    """

    multipliers: tuple[float, ...]
    slopes: Float[ndarray, " item"]
    mean: Estimate
    anti: Estimate
    fit: float
    log_odds: tuple[Estimate, ...]
    probability: tuple[Estimate, ...]

    def summary(self) -> dict[str, object]:
        """As the JSON results hold it, without what the items' values give."""
        fit = estimates.finite(self.fit)
        return {"mean_slope": self.mean.to_json(), "anti_steerable": self.anti.to_json(), "fit": fit}

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        return {
            "multipliers": list(self.multipliers),
            "slopes": self.slopes.tolist(),
            **self.summary(),
            "log_odds": [estimate.to_json() for estimate in self.log_odds],
            "p_exhibits": [estimate.to_json() for estimate in self.probability],
        }


def steerability(
    multipliers: Sequence[float],
    log_odds: Float[ndarray, "multiplier item"],
    probability: Float[ndarray, "multiplier item"] | None = None,
    *,
    groups: Sequence[int] | None = None,
) -> Steerability:
    """Steerability of every item, and of the data set.

    Parameters
    ----------
    multipliers:
        Strengths at which the items were scored, two or more different ones, zero among them or not.
    log_odds:
        Exhibits minus not, nats, the same items at each strength.
    probability:
        Of the exhibiting answer, where it was averaged over orders; None for the sigmoid of ``log_odds``.
    groups:
        The label of each item's cluster; None where items are independent.

    Raises
    ------
    StudyError
        There are no two different strengths, the shapes do not fit, or a value is not finite.
    """
    strengths = np.asarray(multipliers, dtype=np.float64)
    odds = np.asarray(log_odds, dtype=np.float64)
    shares = estimates.sigmoid(odds) if probability is None else np.asarray(probability, dtype=np.float64)
    if odds.ndim != 2 or not odds.shape[1] or odds.shape[0] != len(strengths) or shares.shape != odds.shape:
        raise StudyError(
            "Strengths and scores do not fit together.",
            seen=f"{len(strengths)} strengths, log-odds of shape {odds.shape}, probabilities of shape {shares.shape}",
            fix="Give arrays of shape [multiplier, item], with one item or more.",
        )
    if len(set(strengths.tolist())) < 2 or not all(np.isfinite(part).all() for part in (strengths, odds, shares)):
        raise StudyError(
            "Steerability needs two different strengths, and finite scores.",
            seen=f"strengths {strengths.tolist()}, {int((~np.isfinite(odds)).sum())} scores that are not finite",
        )
    order = np.argsort(strengths, kind="stable")
    strengths, odds, shares = strengths[order], odds[order], shares[order]
    slopes = np.asarray(linregress(strengths[:, None], odds, axis=0).slope, dtype=np.float64)
    return Steerability(
        multipliers=tuple(strengths.tolist()),
        slopes=slopes,
        mean=estimates.mean(slopes, groups=groups),
        anti=estimates.share(slopes < 0, groups=groups),
        fit=_explained(strengths, odds.mean(1)),
        log_odds=tuple(estimates.mean(row, groups=groups) for row in odds),
        probability=tuple(estimates.probability(row, groups=groups) for row in shares),
    )


def _explained(strengths: Float[ndarray, " multiplier"], curve: Float[ndarray, " multiplier"]) -> float:
    """R squared of the line through the mean curve; 1 where the curve is flat."""
    return float(linregress(strengths, curve).rvalue ** 2) if float(np.ptp(curve)) > 0 else 1.0
