"""The pages of the sample-efficiency and generalisation studies."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.report.page import Page, Plot, Table, interval, line, provenance


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
            "-" if entry["n"] is None else f"{entry['n']:.3g} [{entry['ci_low']:.3g}, {entry['ci_high']:.3g}]",
            f"{entry['share_crossing']:.0%}",
            f"{entry['ahead']['smallest']} / {entry['ahead']['largest']}",
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
        f"{value['n_test']} locked test items; bands are 95 % over {study['seeds']} seeds and the items.",
        verdict=value["verdict"],
        warnings=[w for w in [value["warning"], *value["failed"]] if w],
        plots=plots,
        tables=[
            Table("Effect at each size", ["technique", "flipped", "n", "effect"], rows),
            nulls_table(value["against_nulls"], "area_above", "area above the null's"),
            Table("Area under the curve (mean over log2 n)", ["technique", "flipped", "area"], areas),
            Table(
                "Who overtakes whom",
                ["first", "second", "second ahead from n", "in resamplings", "ahead at ends"],
                crossings,
                "A crossing is where the second stays ahead up to the largest size.",
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
        f"and is counted. Items were scored by {study['score']}. Intervals are percentile intervals of a two-way "
        "bootstrap over seeds and test items.",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )


def _curves(name: str, title: str, curves: list[Any], value: Mapping[str, Any]) -> Plot:
    lines = [
        line(curve["technique"], [point["size"] for point in curve["points"]], curve["points"]) for curve in curves
    ]
    return Plot(name, title, "labelled items", f"effect ({value['scale']})", lines, log_x=True)


def generalize_page(value: Mapping[str, Any], declared: str, references: list[str]) -> Page:
    """Effects by where a technique was trained."""
    study = value["declared"]
    source, target = study["source"], study["target"]
    keys = {
        "within": f"on {target}, trained on {target}",
        "across": f"on {target}, trained on {source}",
        "at_home": f"on {source}, trained on {source}",
    }
    lines = [
        line(words, list(range(len(value["transfers"]))), [t[key] for t in value["transfers"]])
        for key, words in keys.items()
    ]
    rows = [
        [
            t["technique"],
            *(interval(t[key]) for key in keys),
            interval(t["recovered"]),
            f"{t['anti_steerable_share']:.0%}",
        ]
        for t in value["transfers"]
    ]
    found = value["correlation"]
    known = found is not None and found["rho"] is not None
    spearman = f"Spearman rho over {found['n']} techniques: {found['rho']:.2f}, p = {found['p']:.2g}." if known else ""
    return Page(
        title=f"{value['behavior']}: from {source} to {target}",
        lead=f"{value['model']}; the domains differ by: {study['shift']}. Effects are differences in mean "
        f"{value['scale']} from the bare model on the same locked test items ({value['n_test'][target]} {target}).",
        verdict=value["verdict"],
        warnings=list(value["failed"]),
        plots=[
            Plot(
                "transfer",
                "Effect by where it was trained",
                "technique",
                f"effect ({value['scale']})",
                lines,
                categories=[t["technique"] for t in value["transfers"]],
            )
        ],
        tables=[
            Table(
                "Transfer",
                ["technique", *keys.values(), "gap recovered", "items moved the wrong way"],
                rows,
                f"Gap recovered: trained on {source} over trained on {target} (arXiv 2401.06751). {spearman}",
            ),
            nulls_table(value["against_nulls"], "across_above", f"effect on {target} above the null's"),
        ],
        methods=f"Items of both domains were split by question (seed {study['seed']}); each technique was fitted, and "
        f"its layer, strength or epochs chosen, in one domain and measured on the locked test items of both, scored by "
        f"{study['score']}. Intervals are paired bootstrap intervals over items (BCa; percentile for ratios).",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )


def nulls_table(entries: Sequence[Mapping[str, Any]], key: str, title: str) -> Table:
    """Every technique against every null."""
    rows = [[entry["technique"], entry["null"].removeprefix("null: "), interval(entry[key])] for entry in entries]
    note = "Random directions, shuffled labels and another behaviour's vector, chosen and measured in the same way."
    return Table("Against the nulls", ["technique", "null", title], rows, note)
