"""The page of a study of sample efficiency."""

from collections.abc import Mapping
from typing import Any

from steerstack.report.page import Page, Table, foot, interval, intervals_line, nulls_table, provenance
from steerstack.report.plot import Plot
from steerstack.techniques.figure import technique_line


def efficiency_page(value: Mapping[str, Any], declared: str, references: list[str]) -> Page:
    """Curves, areas, crossings and costs."""
    study = value["declared"]
    clean = [curve for curve in value["curves"] if curve["noise"] == study["noise"][0]]
    plots = [_curves("curves", "Effect against the number of labelled items", clean, value)]
    for noise in study["noise"][1:]:
        noisy = [curve for curve in value["curves"] if curve["noise"] == noise]
        plots.append(_curves(f"noise-{noise:g}", f"With {noise:.0%} of the labels flipped", noisy, value))
    rows = [
        [c["technique"], f"{c['noise']:.0%}", str(point["size"]), interval(point)]
        for c in value["curves"]
        for point in c["points"]
    ]
    crossings = [
        [
            entry["first"],
            entry["second"],
            entry["verdict"] + ("" if entry["n"] is None else f" at about n = {entry['n']:.3g}"),
            interval(entry["gap"]["smallest"]),
            interval(entry["gap"]["largest"]),
        ]
        for entry in value["crossings"]
    ]
    costs = [
        [
            c["technique"],
            str(c["n"]),
            f"{c['parameters']:.0f}",
            f"{c['seconds']:.1f}",
            f"{c['flops']:.2g}",
            f"{c['context_tokens']:.0f}",
        ]
        for c in value["costs"]
        if c["noise"] == study["noise"][0]
    ]
    areas = [[c["technique"], f"{c['noise']:.0%}", interval(c["area"])] for c in value["curves"]]
    return Page(
        title=f"{value['behavior']}: what does each technique reach with n labelled items?",
        lead=f"{value['model']}; effects are differences in mean {value['scale']} from the bare model on the same "
        f"{value['n_test']} locked test items; bars are 95 % intervals over {study['seeds']} seeds and the items.",
        verdict=value["verdict"],
        warnings=[w for w in [value["warning"], *value["failed"]] if w],
        plots=plots,
        tables=[
            Table("Effect at each size", ["technique", "flipped", "n", "effect"], rows),
            nulls_table(value["against_nulls"], "area_above", "area above the null's"),
            Table("Area under the curve (mean over log2 n)", ["technique", "flipped", "area"], areas),
            Table(
                "Which is better",
                ["first", "second", "verdict", "first minus second, smallest n", "first minus second, largest n"],
                crossings,
                "Curves cross where the gap is resolved at both ends with opposite signs, and one is better where both "
                "ends agree; it takes ten seeds to say so.",
            ),
            Table(
                "What it takes",
                ["technique", "n", "parameters", "seconds", "FLOPs", "context tokens"],
                costs,
                "FLOPs: 2 a parameter and token forward, 6 with backward (arXiv 2001.08361); 0 where not counted.",
            ),
        ],
        methods=f"Items were split by question into training, validation and a locked test set (seed {study['seed']}). "
        f"Each technique was fitted on nested subsets of {', '.join(map(str, study['sizes']))} labelled items "
        f"under {study['seeds']} seeds; every fourth item of a subset served for choices of layer, strength or epochs "
        f"and is counted. Items were scored by {study['score']}. "
        f"{intervals_line(value)} Those of curves are over seeds and items together (Satterthwaite's degrees of "
        "freedom): they hold for other seeds and other items.",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )


def _curves(name: str, title: str, curves: list[Any], value: Mapping[str, Any]) -> Plot:
    lines = [
        technique_line(curve["technique"], [point["size"] for point in curve["points"]], curve["points"])
        for curve in curves
    ]
    more = f"Over {value['declared']['seeds']} seeds and the items. Dashed: nulls and other behaviours' vectors."
    below = foot(value["n_test"], "locked test items", value["scale"], more)
    return Plot(name, title, "labelled items", f"effect ({value['scale']})", lines, log_x=True, foot=below)
