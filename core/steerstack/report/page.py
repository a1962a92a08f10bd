"""A study's page as a value: verdict, tables, figures, methods, and what is needed to run it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table with a caption; cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a plot, with a band."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Plot:
    """A plot of lines with bands, or of points with intervals where every line has one point a category.

    Attributes
    ----------
    name, title, caption:
        File stem, heading, and what the reader should know.
    x, y:
        Axis titles, with units.
    lines:
        What is drawn.
    log_x:
        Whether x is on a scale of powers of two.
    categories:
        Names of the places on x, where it is no number.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    caption: str = ""
    log_x: bool = False
    categories: Sequence[str] = ()


@dataclass(frozen=True)
class Page:
    """Everything on the page of one study."""

    title: str
    lead: str
    verdict: str
    warnings: Sequence[str]
    plots: Sequence[Plot]
    tables: Sequence[Table]
    methods: str
    references: Sequence[str]
    provenance: Mapping[str, str]
    declaration: str
    extra: Mapping[str, Any] = field(default_factory=dict)


def interval(estimate: Mapping[str, Any] | None) -> str:
    """``+0.351 [+0.253, +0.462]``; bounds that are not known are left open."""
    if estimate is None or estimate["value"] is None:
        return "-"
    low, high = (f"{b:+.3f}" if b is not None else "?" for b in (estimate["ci_low"], estimate["ci_high"]))
    return f"{estimate['value']:+.3f} [{low}, {high}]"
