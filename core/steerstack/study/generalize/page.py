"""The page of a study of generalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import BARE, OPPOSITE, VECTOR, Plot, line
from steerstack.study.null_test import above_nulls_table

if TYPE_CHECKING:
    from steerstack.stats.estimate import Estimate
    from steerstack.study.generalize.answer import GeneralizeAnswer
    from steerstack.study.generalize.result import GeneralizeResult


def generalize_plots(answer: GeneralizeAnswer) -> list[Plot]:
    """Effects by where each technique was trained."""
    source, target, scale = answer.source, answer.target, scale_name(answer.study.score)
    lines = [
        line(words, list(range(len(of))), of, color=color)
        for (words, of), color in zip(_kinds(answer).items(), (BARE, VECTOR, OPPOSITE), strict=True)
    ]
    count = len(answer.tested[target])
    below = foot(
        count,
        f"locked test items of {target} ({len(answer.tested[source])} of {source})",
        scale,
        "Rows that begin with null: or neighbor: are the nulls and other behaviours' vectors.",
    )
    names = [one.name for one in answer.transfers]
    title = "Effect by where it was trained"
    return [Plot("transfer", title, "technique", f"effect ({scale})", lines, categories=names, foot=below)]


def generalize_tables(answer: GeneralizeAnswer) -> list[Table]:
    """Effects by where each technique was trained, and how much further than each null it carries."""
    rows = [
        [one.name, *map(interval, (one.within, one.across, one.at_home, one.recovered)), f"{one.anti:.0%}"]
        for one in answer.transfers
    ]
    rank, spearman = answer.correlation, ""
    if rank is not None and rank.rho is not None:
        spearman = f"Spearman rho over {rank.n} techniques: {rank.rho:.2f}, p = {rank.p:.2g}."
    return [
        Table(
            "Transfer",
            ["technique", *_kinds(answer), "gap recovered", "items moved the wrong way"],
            rows,
            f"Gap recovered: trained on {answer.source} over trained on {answer.target} (arXiv 2401.06751). {spearman}",
        ),
        above_nulls_table(answer.against_nulls, f"effect on {answer.target} above the null's"),
    ]


def _kinds(answer: GeneralizeAnswer) -> dict[str, list[Estimate]]:
    """The effects of every technique, by where it was trained and tested."""
    source, target, transfers = answer.source, answer.target, answer.transfers
    return {
        f"on {target}, trained on {target}": [one.within for one in transfers],
        f"on {target}, trained on {source}": [one.across for one in transfers],
        f"on {source}, trained on {source}": [one.at_home for one in transfers],
    }


def generalize_page(result: GeneralizeResult) -> Page:
    """Effects by where a technique was trained."""
    study, source, target = result.study, result.source, result.target
    return Page(
        title=f"{result.behavior}: from {source} to {target}",
        lead=f"{result.model.name}; the domains differ by: {study.shift.words}. Effects are differences in mean "
        f"{scale_name(study.score)} from the bare model on the same locked test items "
        f"({len(result.domains[target].test)} {target}).",
        verdict=result.verdict,
        warnings=result.failed,
        plots=result.answer.plots,
        tables=result.answer.tables,
        methods=f"Items of both domains were split by question (seed {study.seed}); each technique was fitted, and "
        f"its layer, strength or epochs chosen, in one domain and measured on the locked test items of both, scored by "
        f"{study.score}. {intervals_line(result.clusters)} Those of ratios are Fieller's.",
        references=result.references,
        provenance=provenance(result.model, result.digests),
        declaration=study.to_yaml(),
    )
