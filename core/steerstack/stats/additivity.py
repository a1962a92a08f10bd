"""Verdicts in words: do two techniques add up?"""

from steerstack.stats.estimates import Estimate

CEILING = 0.95
"""A mean probability beyond this (or below 1 minus this) leaves little room to move."""


def at_limit(*probabilities: float) -> bool:
    """Whether any arm is so near 0 or 1 that a missing effect may be a full scale."""
    return any(p > CEILING or p < 1 - CEILING for p in probabilities)


def stacking(first: Estimate, second: Estimate, interaction: Estimate, gain: Estimate) -> str:
    """How two techniques that push the same way combine, on the same items.

    Parameters
    ----------
    first, second:
        The effect of each alone.
    interaction:
        Difference in differences.
    gain:
        What both together add to the better of the two alone, in the direction they push.

    Returns
    -------
    str
        ``only the first works alone``, ``only the second works alone``, ``neither works alone``:
        there is nothing to stack. ``oppose each other``.
        ``reinforces``: more than the sum. ``adds up``: the interaction's interval holds zero
        and reaches less far than the smaller effect. ``not resolved``: it reaches further.
        Less than the sum is ``partly redundant`` if both together still beat the better one
        alone, ``interferes`` if they fall short of it, and ``redundant`` between.
    """
    works = first.excludes_zero, second.excludes_zero
    if works != (True, True):
        alone = {(True, False): "only the first works alone", (False, True): "only the second works alone"}
        return alone.get(works, "neither works alone")
    if first.value * second.value < 0:
        return "oppose each other"
    sign = 1.0 if first.value > 0 else -1.0
    low, high = sorted((sign * interaction.ci_low, sign * interaction.ci_high))
    if low > 0:
        return "reinforces"
    if high >= 0:
        return "adds up" if -low < min(abs(first.value), abs(second.value)) else "not resolved"
    if gain.ci_low > 0:
        return "partly redundant"
    return "interferes" if gain.ci_high < 0 else "redundant"
