"""A study's page as a value: verdict, tables, figures, methods, and what is needed to run it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steerstack.report.plot import Plot
from steerstack.stats.estimate import BoundsJson, Interval, known
from steerstack.util.numbers import signed

if TYPE_CHECKING:
    from steerstack.stats.item_clusters import Clusters
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model

_LISTED = 8
"""Numbers of a list that are written out; of longer ones the first and the last."""


@dataclass(frozen=True)
class Table:
    """A table with a caption; cells are text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


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


def interval(estimate: Interval | BoundsJson | None) -> str:
    """``+0.351 [+0.253, +0.462]``; bounds that are not known are left open, or no interval is named."""
    value, *bounds = (None, None, None) if estimate is None else known(estimate)
    if value is None:
        return "-"
    if bounds == [None, None]:
        return f"{signed(value)} (no interval)"
    low, high = ("?" if bound is None else signed(bound) for bound in bounds)
    return f"{signed(value)} [{low}, {high}]"


def intervals_line(clusters: Mapping[str, Clusters | None]) -> str:
    """How the intervals of a result are made, and for which clusters of items, by data set, they allow."""
    named = [
        f"{of.count} clusters by {of.by}" + (f" ({name})" if len(clusters) > 1 else "")
        for name, of in clusters.items()
        if of
    ]
    by = f" They allow for items that come in {' and '.join(named)} (cluster-robust, CR2)." if named else ""
    return "Intervals are Student's t over the items, 95 %, paired where arms are compared." + by


def provenance(
    model: Model, digests: Mapping[str, str | Mapping[str, str]], vector: SteeringVector | None = None
) -> dict[str, str]:
    """Digests of the model, the data and the vector of a result, by what they are of."""
    named = {"model": f"{model.name} {model.fingerprint}"}
    for name, of in digests.items():
        if isinstance(of, Mapping):
            named |= {f"{name} {part}": digest for part, digest in of.items()}
        else:
            named["data" if name == "data" else f"{name} data"] = of
    return named | ({"vector": vector.fingerprint} if vector is not None else {})


def foot(n: int, of: str, unit: str, more: str = "") -> str:
    """What stands in a figure: n, the intervals, the unit, and what else is drawn."""
    return f"n = {n} {of}; bars: 95 % intervals, paired; unit: {unit}.{' ' + more if more else ''}"


def settings_table(title: str, settings: Mapping[str, Mapping[str, Any]], note: str = "") -> list[Table]:
    """How each of several things was made: a row a setting, numbers to four digits; nothing where there is none."""
    rows = [
        [name, key.replace("_", " "), _setting(value)] for name, of in settings.items() for key, value in of.items()
    ]
    return [Table(title, ["what", "setting", "value"], rows, note)] if rows else []


def _setting(value: Any) -> str:
    """A setting as one would write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{str(key).replace('_', ' ')} {_setting(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > _LISTED and not any(isinstance(one, Mapping | list) for one in value):
            return f"{_setting(value[0])} to {_setting(value[-1])} ({len(value)} values)"
        between = "; " if any(isinstance(one, Mapping | list) for one in value) else ", "
        return between.join(map(_setting, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)
