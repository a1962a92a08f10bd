"""Curves of effect against sample size: bands, areas and crossings, by a bootstrap over seeds and items."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.stats.estimates import LEVEL, Estimate, finite

DRAWS = 2000

Effects = NDArray[np.float64]
"""Paired effects [size, seed, item], in nats (per token where scored by text)."""


@dataclass(frozen=True)
class Curve:
    """One technique.

    Attributes
    ----------
    sizes:
        Numbers of items, ascending.
    points:
        Mean effect at each size, with a band over seeds and items.
    area:
        Mean height of the curve over log2 of the size.
    """

    sizes: tuple[int, ...]
    points: tuple[Estimate, ...]
    area: Estimate

    def to_json(self) -> dict[str, Any]:
        """As the JSON results hold it."""
        points = [{"size": n, **point.to_json()} for n, point in zip(self.sizes, self.points, strict=True)]
        return {"points": points, "area": self.area.to_json()}


def draws(effects: Effects, *, seed: int = 0) -> NDArray[np.float64]:
    """Mean effect at each size in each of :data:`DRAWS` resamplings of seeds and of items [draw, size].

    Both are drawn with replacement, since an effect varies with the items trained on and with the
    items tested on (a two-way bootstrap; Owen, Ann. Appl. Stat. 2007). The same seed draws the
    same seeds and items for every technique, so that differences are paired.
    """
    rng = np.random.default_rng(seed)
    _, n_seeds, n_items = effects.shape
    found = np.empty((DRAWS, effects.shape[0]))
    for draw in range(DRAWS):
        seeds = np.bincount(rng.integers(n_seeds, size=n_seeds), minlength=n_seeds) / n_seeds
        items = np.bincount(rng.integers(n_items, size=n_items), minlength=n_items) / n_items
        found[draw] = effects @ items @ seeds
    return found


def curve(sizes: tuple[int, ...], effects: Effects) -> Curve:
    """The curve of one technique."""
    means, drawn = effects.mean((1, 2)), draws(effects)
    points = tuple(_estimate(means[i], drawn[:, i], effects[i].size) for i in range(len(sizes)))
    return Curve(sizes, points, _estimate(_area(sizes, means[None])[0], _area(sizes, drawn), effects.size))


def crossing(sizes: tuple[int, ...], ours: Effects, theirs: Effects) -> dict[str, Any]:
    """The smallest size from which the other technique is better, to the end of the sizes tried.

    Returns
    -------
    dict
        ``n`` and its interval, None where there is no crossing; ``ahead`` says who is ahead at
        the smallest and at the largest size; ``share_crossing`` is the share of resamplings in
        which the other overtakes.
    """
    gap = ours.mean((1, 2)) - theirs.mean((1, 2))
    drawn = draws(ours) - draws(theirs)
    value = _crossing(sizes, gap)
    every = [_crossing(sizes, one) for one in drawn]
    crossed = np.array([one for one in every if one is not None])
    low, high = np.quantile(crossed, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]) if len(crossed) else (np.nan, np.nan)
    ahead = ["first" if edge > 0 else "second" for edge in (gap[0], gap[-1])]
    return {
        "n": value,
        "ci_low": finite(float(low)),
        "ci_high": finite(float(high)),
        "share_crossing": len(crossed) / len(every),
        "ahead": {"smallest": ahead[0], "largest": ahead[1]},
    }


def _crossing(sizes: tuple[int, ...], gap: NDArray[np.float64]) -> float | None:
    """Where the gap falls below zero for good, interpolated in log n; None where it never does, or always is."""
    positive = np.flatnonzero(gap > 0)
    if not len(positive) or positive[-1] == len(gap) - 1:
        return None
    last = int(positive[-1])
    share = gap[last] / (gap[last] - gap[last + 1])
    logs = np.log2(sizes)
    return float(2 ** (logs[last] + share * (logs[last + 1] - logs[last])))


def _area(sizes: tuple[int, ...], values: NDArray[np.float64]) -> NDArray[np.float64]:
    logs = np.log2(sizes)
    if len(logs) == 1:
        return values[:, 0]
    return np.asarray(np.trapezoid(values, logs, axis=1) / (logs[-1] - logs[0]))


def _estimate(value: float, drawn: NDArray[np.float64], n: int) -> Estimate:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(value), float(low), float(high), n)
