"""The page of a study of sample efficiency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import Plot
from steerstack.stats.learning_curves import Curve
from steerstack.study.null_test import above_nulls_table
from steerstack.techniques.figure import technique_line

if TYPE_CHECKING:
    from steerstack.study.efficiency.answer import EfficiencyAnswer
    from steerstack.study.efficiency.result import EfficiencyResult


def efficiency_plots(answer: EfficiencyAnswer) -> list[Plot]:
    """The curves at each share of flipped labels."""
    clean, *noisy = answer.study.noise
    return [
        _curves("curves", "Effect against the number of labelled items", clean, answer),
        *(_curves(f"noise-{n:g}", f"With {n:.0%} of the labels flipped", n, answer) for n in noisy),
    ]


def efficiency_tables(answer: EfficiencyAnswer) -> list[Table]:
    """Effects at each size, nulls, areas, and which is better."""
    rows = [
        [name, f"{noise:.0%}", str(size), interval(point)]
        for (name, noise), of in answer.curves.items()
        for size, point in zip(of.sizes, of.points, strict=True)
    ]
    areas = [[name, f"{noise:.0%}", interval(of.area)] for (name, noise), of in answer.curves.items()]
    crossings = [
        [
            pair.first,
            pair.second,
            of.verdict + ("" if of.at is None else f" at about n = {of.at:.3g}"),
            interval(of.smallest),
            interval(of.largest),
        ]
        for pair in answer.crossings
        for of in [pair.crossing]
    ]
    return [
        Table("Effect at each size", ["technique", "flipped", "n", "effect"], rows),
        above_nulls_table(answer.against_nulls, "area above the null's"),
        Table("Area under the curve (mean over log2 n)", ["technique", "flipped", "area"], areas),
        Table(
            "Which is better",
            ["first", "second", "verdict", "first minus second, smallest n", "first minus second, largest n"],
            crossings,
            "Curves cross where the gap is resolved at both ends with opposite signs, and one is better where both "
            "ends agree; it takes ten seeds to say so.",
        ),
    ]


def efficiency_page(result: EfficiencyResult) -> Page:
    """Curves, areas, crossings and costs."""
    study, answer = result.study, result.answer
    scale, n_test = scale_name(study.score), len(result.splits.test)
    costs = [
        [c.technique, str(c.n), f"{c.parameters:.0f}", f"{c.seconds:.1f}", f"{c.flops:.2g}", f"{c.context_tokens:.0f}"]
        for c in result.costs
        if c.noise == answer.clean
    ]
    return Page(
        title=f"{result.behavior}: what does each technique reach with n labelled items?",
        lead=f"{result.model.name}; effects are differences in mean {scale} from the bare model on the same "
        f"{n_test} locked test items; bars are 95 % intervals over {study.seeds} seeds and the items.",
        verdict=result.verdict,
        warnings=[w for w in [result.warning, *result.failed] if w],
        plots=answer.plots,
        tables=[
            *answer.tables,
            Table(
                "What it takes",
                ["technique", "n", "parameters", "seconds", "FLOPs", "context tokens"],
                costs,
                "FLOPs: 2 a parameter and token forward, 6 with backward (arXiv 2001.08361); 0 where not counted.",
            ),
        ],
        methods=f"Items were split by question into training, validation and a locked test set (seed {study.seed}). "
        f"Each technique was fitted on nested subsets of {', '.join(map(str, study.sizes))} labelled items "
        f"under {study.seeds} seeds; every fourth item of a subset served for choices of layer, strength or epochs "
        f"and is counted. Items were scored by {study.score}. "
        f"{intervals_line(result.clusters)} Those of curves are over seeds and items together (Satterthwaite's "
        "degrees of freedom): they hold for other seeds and other items.",
        references=result.references,
        provenance=provenance(result.model, result.splits.digests),
        declaration=study.to_yaml(),
    )


def _curves(name: str, title: str, noise: float, answer: EfficiencyAnswer) -> Plot:
    """The curves at one share of flipped labels."""
    curves: Mapping[str, Curve] = {one: of for (one, at), of in answer.curves.items() if at == noise}
    lines = [technique_line(one, of.sizes, of.points) for one, of in curves.items()]
    more = f"Over {answer.study.seeds} seeds and the items. Dashed: nulls and other behaviours' vectors."
    scale = scale_name(answer.study.score)
    below = foot(len(answer.tested), "locked test items", scale, more)
    return Plot(name, title, "labelled items", f"effect ({scale})", lines, log_x=True, foot=below)
