"""How two techniques combine: a verdict in words that the intervals bear, and the share of an effect that is kept."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from steerstack.errors import StudyError
from steerstack.stats.estimate import TOO_FEW, Estimate
from steerstack.stats.estimates import difference, interaction, mean_interval, needed_n
from steerstack.stats.ratio import ratio_interval

Verdict = Literal[
    "adds up",
    "reinforces",
    "partly redundant",
    "redundant",
    "interferes",
    "oppose each other",
    "only the first works alone",
    "only the second works alone",
    "neither works alone",
    "not resolved",
]

MARGIN = 0.25
"""Share of the first technique's effect up to which a loss counts as none, where nothing else was declared."""

CEILING = 0.95
"""A mean probability beyond this (or below 1 minus this) leaves little room to move."""


@dataclass(frozen=True)
class Additivity:
    """What two techniques do together, compared with what each does alone.

    Attributes
    ----------
    verdict:
        One of ten: see :func:`additivity`.
    retained:
        Share of the first's effect alone that it keeps on top of the second, with Fieller's interval.
    first, second, interaction:
        The effect of each alone, and the difference in differences.
    margin:
        What was declared.
    needed:
        Items that would resolve what is not resolved, if the effects are as they look; None where it is resolved,
        or no number of items would do.
    """

    verdict: Verdict
    retained: Estimate
    first: Estimate
    second: Estimate
    interaction: Estimate
    margin: float
    needed: int | None


def additivity(
    neither: ArrayLike,
    first: ArrayLike,
    second: ArrayLike,
    both: ArrayLike,
    *,
    margin: float = MARGIN,
    groups: ArrayLike | None = None,
) -> Additivity:
    """Whether two techniques add up, item by item on one scale; what cannot be told is not resolved.

    Parameters
    ----------
    neither, first, second, both:
        The value of each item without either technique, with each alone, and with both.
    margin:
        Share of the first's effect that it may lose or gain on top of the second and still add up; declared before
        the run.
    groups:
        The label of each item's cluster; None where items are independent.

    Returns
    -------
    Additivity
        With R the interval (95 %) of the retained share, its verdict is, in this order:

        - ``not resolved``: there are fewer than 8 items.
        - ``neither works alone``, ``only the first works alone``, ``only the second works alone``: the effects
          alone whose intervals hold zero. The one that works is resolved to be the larger; both together have no
          effect either where neither works. Else ``not resolved``.
        - ``oppose each other``: they work in opposite directions.
        - ``interferes``: both together fall short of the better one alone.
        - ``adds up``: R lies within ``1 - margin`` and ``1 + margin`` (two one-sided tests, so that a loss of the
          margin or more passes for none in at most one study in twenty; Schuirmann, J. Pharmacokinet. 1987).
        - ``redundant``: R lies below ``margin``.
        - ``reinforces``: R lies above 1. ``partly redundant``: R lies within 0 and 1.
        - ``not resolved``: all else.

    Raises
    ------
    StudyError
        The arms do not have the same items, a value is not finite, or the margin is not between 0 and 1.
    """
    parts = [np.asarray(part, dtype=np.float64).ravel() for part in (neither, first, second, both)]
    _check(parts, margin)
    none, one, two, together = parts
    retained = ratio_interval(together - two, one - none, groups=groups)
    alone = difference(one, none, groups=groups), difference(two, none, groups=groups)
    verdict = _verdict(none, one, two, together, margin, retained, groups)
    n_needed = _needed(none, one, two, together, margin) if verdict == "not resolved" else None
    of_both = interaction(together, one, two, none, groups=groups)
    return Additivity(verdict, retained, *alone, of_both, margin, n_needed)


Values = Float[NDArray[np.float64], " item"]


def _verdict(
    none: Values, one: Values, two: Values, both: Values, margin: float, kept: Estimate, groups: ArrayLike | None
) -> Verdict:
    if len(none) < TOO_FEW:
        return "not resolved"
    alone = difference(one, none, groups=groups), difference(two, none, groups=groups)
    works = tuple(effect.excludes_zero for effect in alone)
    if works == (False, False):
        return "not resolved" if difference(both, none, groups=groups).excludes_zero else "neither works alone"
    signs = [math.copysign(1.0, effect.value) for effect in alone]
    if works != (True, True):
        ahead = mean_interval(signs[0] * (one - none) - signs[1] * (two - none), groups=groups)
        if works[0]:
            return "only the first works alone" if ahead.ci_low > 0 else "not resolved"
        return "only the second works alone" if ahead.ci_high < 0 else "not resolved"
    if signs[0] != signs[1]:
        return "oppose each other"
    if any(mean_interval(signs[0] * (both - single), groups=groups).ci_high < 0 for single in (one, two)):
        return "interferes"
    if 1 - margin < kept.ci_low and kept.ci_high < 1 + margin:
        return "adds up"
    if kept.ci_high < margin:
        return "redundant"
    if kept.ci_low > 1:
        return "reinforces"
    return "partly redundant" if kept.ci_low > 0 and kept.ci_high < 1 else "not resolved"


def _needed(none: Values, one: Values, two: Values, both: Values, margin: float) -> int | None:
    """Items after which the verdict that the means suggest would be resolved (power 80 % for each bound)."""
    effect, remainder = one - none, both - two
    share = float(remainder.mean() / effect.mean()) if effect.mean() else math.nan
    if not math.isfinite(share):
        return None
    if abs(share - 1) < margin:
        edges = [1 - margin, 1 + margin]
    elif share < margin:
        edges = [margin]
    else:
        edges = [0.0, 1.0] if share < 1 else [1.0]
    bounds = [effect, two - none, *(remainder - edge * effect for edge in edges)]
    counts = [needed_n(values, float(values.mean())) for values in bounds]
    return max([TOO_FEW, *(count for count in counts if count is not None)])


def _check(parts: list[Values], margin: float) -> None:
    counts = {len(part) for part in parts}
    if len(counts) > 1 or not all(np.isfinite(part).all() for part in parts):
        raise StudyError(
            "The four arms need one finite value for each of the same items.",
            seen=", ".join(f"{len(part)} values, {int((~np.isfinite(part)).sum())} not finite" for part in parts),
        )
    if not 0 < margin < 1:
        raise StudyError("The margin is a share of an effect.", seen=str(margin), fix="Give one between 0 and 1.")


def at_limit(*probabilities: float) -> bool:
    """Whether any arm is so near 0 or 1 that a missing effect may be a full scale."""
    return any(p > CEILING or p < 1 - CEILING for p in probabilities)
