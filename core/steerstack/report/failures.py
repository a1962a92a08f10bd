"""Where a vector fails, among what a study measured: the part of a card that is easily left out."""

from collections.abc import Iterable

from steerstack.report.page import interval
from steerstack.stats.estimate import Interval

OPEN = "Not measured, so not known: other behaviours, other data sets, long conversations."
NOTHING = "Nothing that was measured shows a failure, which is not to say that there is none."


def section(lines: Iterable[str]) -> str:
    """The section of a card, as Markdown; it says so where nothing failed."""
    bullets = list(lines) or [NOTHING]
    return "\n".join(["## Where it fails", "", *(f"- {line}" for line in [*bullets, OPEN])])


def of_effect(name: str, effect: Interval, sign: float = 1.0) -> str:
    """What is wrong with one effect; empty where it points the way it should.

    Parameters
    ----------
    name, effect:
        What it is an effect of, and its estimate.
    sign:
        The way it should point: -1 for a vector that is to suppress.
    """
    low, high = sorted((sign * effect.ci_low, sign * effect.ci_high))
    if high < 0:
        return f"{name} it moves the behaviour the wrong way: {interval(effect)}"
    return f"{name} its effect cannot be told apart from none: {interval(effect)}" if low <= 0 else ""
