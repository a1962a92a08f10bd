"""Words that a verdict may use, by what it rests on."""

from collections.abc import Iterable

from steerstack.stats.estimate import FEW, TOO_FEW, BoundsJson, Interval, known


def sum_up(sentences: Iterable[str], n: int) -> str:
    """A verdict: what was found on n items, in sentences of which some may be empty, and what so few items bear."""
    return " ".join(filter(None, [*sentences, _caveat(n)]))


def _caveat(n: int) -> str:
    """What is to be said of a claim on few items: a sentence, or nothing from 20 items on."""
    if n < TOO_FEW:
        return f"With {n} items nothing is claimed: it takes {TOO_FEW} at least."
    return f"With {n} items this is a hint; it takes {FEW} for a finding." if n < FEW else ""


def share(of: Interval | BoundsJson) -> str:
    """A share with its interval in percent, such as ``62 % [48 %, 77 %]``; what is not known is said."""
    value, low, high = known(of)
    if value is None or low is None or high is None:
        return "a share that is not known"
    return f"{value:.0%} [{low:.0%}, {high:.0%}]"
