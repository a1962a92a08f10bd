"""The mean of items that come in clusters: how far it varies from one set of clusters to another."""

import math

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray


def clustered_spread(
    values: Float[NDArray[np.float64], " item"], labels: Int[NDArray[np.intp], " item"]
) -> tuple[float, float]:
    """Standard error of the mean over items in clusters, and its degrees of freedom.

    The bias-reduced cluster-robust variance CR2 with Satterthwaite's degrees of freedom (Bell & McCaffrey,
    Survey Methodology 2002; Pustejovsky & Tipton, JBES 2018), which for a mean come to closed forms: with
    ``w`` the share of items in a cluster, ``m`` its mean, ``sum(w^2 (m - mean)^2 / (1 - w))``. Degrees of
    freedom are the smaller of those for items that are independent and for items of a cluster that are the same;
    with G clusters of one size both are G - 1.

    Parameters
    ----------
    values:
        One value an item.
    labels:
        Clusters as numbers from 0, two or more.
    """
    sizes = np.bincount(labels)
    w = sizes / len(values)
    means = np.bincount(labels, weights=values) / sizes
    spread = math.sqrt(float(np.sum(w**2 * (means - values.mean()) ** 2 / (1 - w))))
    scale = w / np.sqrt(1 - w)
    of_means = (np.diag(1 / sizes), np.eye(len(w)))  # covariance of cluster means: independent items, and equal ones
    return spread, min(_freedom(scale, w, covariance) for covariance in of_means)


def _freedom(
    scale: Float[NDArray[np.float64], " cluster"],
    w: Float[NDArray[np.float64], " cluster"],
    covariance: Float[NDArray[np.float64], "cluster cluster"],
) -> float:
    """Satterthwaite's ``tr(B)^2 / tr(B^2)``, where B is the covariance of the terms whose squares are added up."""
    centred = np.eye(len(w)) - w[None]  # takes cluster means to their distance from the weighted mean
    b = scale[:, None] * (centred @ covariance @ centred.T) * scale[None]
    return float(np.trace(b) ** 2 / np.sum(b * b))
