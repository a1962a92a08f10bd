"""The page of a study of generalisation."""

from collections.abc import Mapping
from typing import Any

from steerstack.report.page import Page, Table, foot, interval, intervals_line, nulls_table, provenance
from steerstack.report.plot import BARE, OPPOSITE, VECTOR, Plot, line


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
        line(words, list(range(len(value["transfers"]))), [t[key] for t in value["transfers"]], color=color)
        for (key, words), color in zip(keys.items(), (BARE, VECTOR, OPPOSITE), strict=True)
    ]
    tested = f"locked test items of {target} ({value['n_test'][source]} of {source})"
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
                foot=foot(
                    value["n_test"][target],
                    tested,
                    value["scale"],
                    "Rows that begin with null: or neighbor: are the nulls and other behaviours' vectors.",
                ),
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
        f"{study['score']}. {intervals_line(value)} Those of ratios are Fieller's.",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )
