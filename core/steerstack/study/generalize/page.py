"""The page of a study of generalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import BARE, OPPOSITE, VECTOR, Plot, line
from steerstack.study.null_test import above_nulls_table

if TYPE_CHECKING:
    from steerstack.study.generalize.result import GeneralizeResult


def generalize_page(result: GeneralizeResult) -> Page:
    """Effects by where a technique was trained."""
    study, source, target, transfers = result.study, result.source, result.target, result.transfers
    scale = scale_name(study.score)
    n_test = {name: len(splits.test) for name, splits in result.domains.items()}
    kinds = {
        f"on {target}, trained on {target}": (BARE, [t.within for t in transfers]),
        f"on {target}, trained on {source}": (VECTOR, [t.across for t in transfers]),
        f"on {source}, trained on {source}": (OPPOSITE, [t.at_home for t in transfers]),
    }
    places = list(range(len(transfers)))
    lines = [line(words, places, of, color=color) for words, (color, of) in kinds.items()]
    tested = f"locked test items of {target} ({n_test[source]} of {source})"
    rows = [[t.name, *map(interval, (t.within, t.across, t.at_home, t.recovered)), f"{t.anti:.0%}"] for t in transfers]
    rank, spearman = result.correlation, ""
    if rank is not None and rank.rho is not None:
        spearman = f"Spearman rho over {rank.n} techniques: {rank.rho:.2f}, p = {rank.p:.2g}."
    return Page(
        title=f"{result.behavior}: from {source} to {target}",
        lead=f"{result.model.name}; the domains differ by: {study.shift.words}. Effects are differences in mean "
        f"{scale} from the bare model on the same locked test items ({n_test[target]} {target}).",
        verdict=result.verdict,
        warnings=result.failed,
        plots=[
            Plot(
                "transfer",
                "Effect by where it was trained",
                "technique",
                f"effect ({scale})",
                lines,
                categories=[t.name for t in transfers],
                foot=foot(
                    n_test[target],
                    tested,
                    scale,
                    "Rows that begin with null: or neighbor: are the nulls and other behaviours' vectors.",
                ),
            )
        ],
        tables=[
            Table(
                "Transfer",
                ["technique", *kinds, "gap recovered", "items moved the wrong way"],
                rows,
                f"Gap recovered: trained on {source} over trained on {target} (arXiv 2401.06751). {spearman}",
            ),
            above_nulls_table(result.against_nulls, f"effect on {target} above the null's"),
        ],
        methods=f"Items of both domains were split by question (seed {study.seed}); each technique was fitted, and "
        f"its layer, strength or epochs chosen, in one domain and measured on the locked test items of both, scored by "
        f"{study.score}. {intervals_line(result.clusters)} Those of ratios are Fieller's.",
        references=result.references,
        provenance=provenance(result.model, result.digests),
        declaration=study.to_yaml(),
    )
