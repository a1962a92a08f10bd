"""How well a score tells two classes apart: AUROC with an interval, recall at a false-positive rate."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from sklearn.metrics import roc_auc_score

from steerstack.stats.estimate import TOO_FEW
from steerstack.stats.estimates import LEVEL, Estimate
from steerstack.stats.intervals import cluster_numbers

RESAMPLES = 2000


def auroc(positive: ArrayLike, negative: ArrayLike) -> float:
    """Area under the receiver operating characteristic, by scikit-learn."""
    scores = np.concatenate([np.asarray(positive), np.asarray(negative)])
    labels = np.repeat([1, 0], [len(np.asarray(positive)), len(np.asarray(negative))])
    return float(roc_auc_score(labels, scores))


def paired_auroc(
    positive: ArrayLike, negative: ArrayLike, *, groups: ArrayLike | None = None, level: float = LEVEL, seed: int = 0
) -> Estimate:
    """AUROC of two sides of the same items, with a bootstrap interval that draws whole pairs.

    The percentile interval of ``RESAMPLES`` draws; of whole clusters where items come in such, and from 0 to 1 where
    they are fewer than :data:`~steerstack.stats.estimate.TOO_FEW`. Where the classes are told apart without error the
    bootstrap knows no spread, and the lower bound is that of a share with no miss in n items or clusters
    (Clopper-Pearson).

    Parameters
    ----------
    positive, negative:
        Scores [pair] of the two sides of each pair.
    groups:
        The pair's cluster; None where pairs are independent.
    """
    x, y = np.asarray(positive, float), np.asarray(negative, float)
    value, n = auroc(x, y), len(x)
    labels = np.arange(n) if groups is None else cluster_numbers(groups, n)
    count = int(labels.max()) + 1
    told = None if groups is None else count
    if told is not None and told < TOO_FEW:
        return Estimate(value, 0.0, 1.0, n, level, told)
    if value in (0.0, 1.0):
        edge = stats.binomtest(count, count).proportion_ci(level).low
        low, high = (edge, 1.0) if value else (0.0, 1 - edge)
        return Estimate(value, float(low), float(high), n, level, told)
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    draws = paired_resamples(x, y, drawn, labels)
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), n, level, told)


def paired_resamples(
    x: Float[NDArray[np.float64], " pair"],
    y: Float[NDArray[np.float64], " pair"],
    drawn: Int[NDArray[Any], "draw cluster"],
    labels: Int[NDArray[Any], " pair"],
) -> Float[NDArray[np.float64], " draw"]:
    """AUROC of each draw of clusters of pairs: ``c' W c / |c|^2`` for how often a pair was drawn and who beats whom.

    Parameters
    ----------
    x, y:
        Scores of both sides.
    drawn:
        Numbers of the clusters of each draw.
    labels:
        Each pair's cluster.
    """
    counts = np.stack([np.bincount(row, minlength=drawn.shape[1])[labels] for row in drawn]).astype(float)
    return np.asarray(((counts @ _wins(x, y)) * counts).sum(1) / counts.sum(1) ** 2)


def _wins(
    x: Float[NDArray[np.float64], " positive"], y: Float[NDArray[np.float64], " negative"]
) -> Float[NDArray[np.float64], "positive negative"]:
    """1 where the positive one scores higher, 1/2 where both score the same."""
    return (x[:, None] > y[None]).astype(float) + 0.5 * (x[:, None] == y[None])


def delong(positive: ArrayLike, negative: ArrayLike, *, level: float = LEVEL) -> Estimate:
    """AUROC of two independent samples with DeLong's interval (DeLong et al., Biometrics 1988, eq. 5 and 6)."""
    x, y = np.asarray(positive, float), np.asarray(negative, float)
    wins = _wins(x, y)
    value = float(wins.mean())
    spread = math.sqrt(wins.mean(1).var(ddof=1) / len(x) + wins.mean(0).var(ddof=1) / len(y))
    reach = float(stats.norm.ppf((1 + level) / 2)) * spread
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach), len(x) + len(y), level)


def recall_at(positive: ArrayLike, negative: ArrayLike, *, false_positives: float = 0.01) -> float:
    """Share of the positive class above the threshold that lets through at most a share of the negative."""
    y = np.sort(np.asarray(negative, float))[::-1]
    allowed = int(false_positives * len(y))
    threshold = y[allowed]
    return float((np.asarray(positive, float) > threshold).mean())
