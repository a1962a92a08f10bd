"""A study's page as a value: verdict, tables, figures, methods, and what is needed to run it again."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steerstack.util.numbers import signed


@dataclass(frozen=True)
class Table:
    """A table with a caption; cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Line:
    """One line of a plot, with a band; a colour of the plot's own choice where ``color`` is empty."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    color: str = ""


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
    """``+0.351 [+0.253, +0.462]``; bounds that are not known are left open, or no interval is named."""
    if estimate is None or estimate["value"] is None:
        return "-"
    if estimate["ci_low"] is None and estimate["ci_high"] is None:
        return f"{signed(estimate['value'])} (no interval)"
    low, high = ("?" if bound is None else signed(bound) for bound in (estimate["ci_low"], estimate["ci_high"]))
    return f"{signed(estimate['value'])} [{low}, {high}]"


def intervals_line(value: Mapping[str, Any]) -> str:
    """How the intervals of a result are made, and for which clusters of items they allow."""
    found = [
        f"{of['count']} clusters by {of['by']}" + (f" ({name})" if len(value["clusters"]) > 1 else "")
        for name, of in value["clusters"].items()
        if of
    ]
    by = f" They allow for items that come in {' and '.join(found)} (cluster-robust, CR2)." if found else ""
    return "Intervals are Student's t over the items, 95 %, paired where arms are compared." + by


def provenance(value: Mapping[str, Any]) -> dict[str, str]:
    """Digests of the model, the data and the vector of a result, by what they are of."""
    found = {"model": f"{value['model']} {value['model_fingerprint']}"}
    digests = value.get("data_digests", {"data": value.get("data_digest")})
    for name, of in digests.items():
        found |= {f"{name} {part}": d for part, d in of.items()} if isinstance(of, Mapping) else {f"{name} data": of}
    return found | ({"vector": value["vector_fingerprint"]} if "vector_fingerprint" in value else {})


def line(name: str, x: Sequence[float], estimates: Sequence[Mapping[str, Any]], *, color: str = "") -> Line:
    """A line through estimates, with their intervals as its band; where a bound is not known, nothing is drawn."""
    value, low, high = ([_drawn(e[key]) for e in estimates] for key in ("value", "ci_low", "ci_high"))
    return Line(name, x, value, low, high, color)


def _drawn(bound: float | None) -> float:
    return bound if bound is not None and math.isfinite(bound) else math.nan


def bare_line(name: str, x: Sequence[float], y: Sequence[float]) -> Line:
    """A line without a band."""
    return Line(name, x, y, y, y)


def nulls_table(entries: Sequence[Mapping[str, Any]], key: str, title: str) -> Table:
    """Every technique against every null."""
    rows = [[entry["technique"], entry["null"], interval(entry[key])] for entry in entries]
    note = "Random directions and shuffled labels; another behaviour's vector, a neighbour. All chosen in the same way."
    return Table("Against the nulls", ["technique", "null", title], rows, note)
