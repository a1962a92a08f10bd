"""A figure as a value: panels of lines or of points with intervals, and what must stand below them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steerstack.stats.estimate import BoundsJson, Interval, known

VECTOR, OPPOSITE, BARE, NULLS, NEIGHBORS = "#2a8fb0", "#c2603f", "#80868e", "#80868e", "#c08a2b"
"""Colours that mean the same in every figure: the vector, the vector with a negative sign, no vector, nulls and
vectors of other behaviours. Each can be told from white and from near-black paper."""

COLORS = (VECTOR, OPPOSITE, "#5f9440", "#9068b8", "#b84f82", "#3aa08c", "#6c7fc4", "#a3763f")
"""Colours of lines that have none of their own, in order."""


@dataclass(frozen=True)
class Line:
    """One line, or one set of points, with intervals.

    Attributes
    ----------
    name:
        As the legend calls it; lines of one name in several panels are one entry.
    x, y, low, high:
        Places, values and the bounds of the values; NaN where a bound is not known.
    color:
        One of the figure's own choice where it is empty.
    style:
        ``faint`` for points that are many and have no interval (nulls), ``dashed`` for what others are held against.
    x_low, x_high:
        Bounds of the places, where these are measured too.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    color: str = ""
    style: Literal["solid", "dashed", "faint"] = "solid"
    x_low: Sequence[float] = ()
    x_high: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """A part of a figure that shares the scale of its values with the other parts.

    Attributes
    ----------
    title:
        What it is of.
    lines:
        What is drawn.
    categories:
        Names of the rows, where places are no numbers: values then go from left to right.
    """

    title: str
    lines: Sequence[Line]
    categories: Sequence[str] = ()


@dataclass(frozen=True)
class Mark:
    """A point that is ringed, such as the one that was chosen."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Plot:
    """A figure of lines with intervals, or, with categories, of points with intervals.

    Attributes
    ----------
    name, title, caption:
        File stem, heading, and what the reader should know.
    x, y:
        Titles of places and values, with units; ``x`` is left out with categories.
    lines, categories:
        What is drawn, of a figure with a single panel.
    log_x:
        Whether x is on a scale of powers of two.
    panels:
        What is drawn, of a figure with several.
    mark:
        The point that was chosen.
    foot:
        n, what the intervals are, and what the nulls are: it stands in the figure itself, wherever that goes.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Sequence[Line] = ()
    caption: str = ""
    log_x: bool = False
    categories: Sequence[str] = ()
    panels: Sequence[Panel] = ()
    mark: Mark | None = None
    foot: str = ""

    @property
    def parts(self) -> Sequence[Panel]:
        """Its panels, one at least."""
        return self.panels or (Panel("", self.lines, self.categories),)


def line(
    name: str,
    x: Sequence[float],
    estimates: Sequence[Interval | BoundsJson],
    *,
    color: str = "",
    style: Literal["solid", "dashed", "faint"] = "solid",
    x_estimates: Sequence[Interval | BoundsJson] = (),
) -> Line:
    """A line through estimates, with their intervals; where a bound is not known, nothing is drawn."""
    value, low, high = ([_drawn(known(one)[part]) for one in estimates] for part in range(3))
    x_low, x_high = ([_drawn(known(one)[part]) for one in x_estimates] for part in (1, 2))
    return Line(name, x, value, low, high, color, style, x_low, x_high)


def bare_line(
    name: str, x: Sequence[float], y: Sequence[float], *, color: str = "",
    style: Literal["solid", "dashed", "faint"] = "solid",
) -> Line:  # fmt: skip
    """A line without intervals."""
    unknown = [math.nan] * len(y)
    return Line(name, x, y, unknown, unknown, color, style)


def _drawn(bound: float | None) -> float:
    return bound if bound is not None and math.isfinite(bound) else math.nan
