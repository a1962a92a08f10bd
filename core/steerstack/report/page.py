"""A study's page as a value: verdict, tables, figures, methods, and what is needed to run it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steerstack.report.plot import Plot
from steerstack.util.numbers import signed

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


def nulls_table(entries: Sequence[Mapping[str, Any]], key: str, title: str) -> Table:
    """Every technique against every null."""
    rows = [[entry["technique"], entry["null"], interval(entry[key])] for entry in entries]
    note = "Random directions and shuffled labels; another behaviour's vector, a neighbour. All chosen in the same way."
    return Table("Against the nulls", ["technique", "null", title], rows, note)


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
