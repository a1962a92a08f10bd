"""The page of a study of wrong labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import Plot
from steerstack.techniques.figure import technique_line

if TYPE_CHECKING:
    from steerstack.study.label_errors.answer import LabelErrorsAnswer
    from steerstack.study.label_errors.result import LabelErrorsResult


def label_errors_plots(answer: LabelErrorsAnswer) -> list[Plot]:
    """A figure of each labeller."""
    return [_kept(name, answer) for name in dict.fromkeys(one.labeller for one in answer.cells)]


def label_errors_tables(answer: LabelErrorsAnswer) -> list[Table]:
    """What is kept at each share of wrong labels, by labeller; effects of true labels; the labellers."""
    rows = [
        [
            one.technique,
            one.labeller,
            f"{one.share:.0%}",
            interval(one.effect),
            interval(one.recovered),
            one.kept,
            interval(one.bias),
            one.learnt,
        ]
        for one in answer.cells
    ]
    true = [[name, interval(of)] for name, of in answer.on_true_labels.items()]
    whose = [
        [of.labeller, f"{of.asked:.0%}", f"{of.share:.0%}", f"{of.errs_on.sum()} of {len(answer.tested)}"]
        for of in answer.labels
    ]
    return [
        Table(
            "What wrong labels leave",
            ["technique", "labeller", "wrong", "effect", "gap recovered", "verdict", "costs more there", "learnt"],
            rows,
            f"Gap recovered: the effect over that of true labels. Kept above {1 - answer.study.margin:.0%}. Costs more "
            "there: loss on test items of the kind that the labeller gets wrong, minus loss on all others.",
        ),
        Table("On true labels", ["technique", "effect"], true),
        Table("The labellers", ["labeller", "asked for", "wrong", "test items of the kind"], whose),
    ]


def label_errors_page(result: LabelErrorsResult) -> Page:
    """What is kept at each share of wrong labels, by labeller."""
    study, n_test = result.study, len(result.splits.test)
    return Page(
        title=f"{result.behavior}: what is left when labels are wrong?",
        lead=f"{result.model.name}; effects are differences in mean {scale_name(study.score)} from the bare model on "
        f"the same {n_test} locked test items with true labels. Every technique learnt from {result.n_labelled} "
        f"labelled items, under {study.seeds} seeds.",
        verdict=result.verdict,
        warnings=[warning for warning in [result.warning, *result.answer.fell_short, *result.failed] if warning],
        plots=result.answer.plots,
        tables=result.answer.tables,
        methods=f"Items were split by question into training, validation and a locked test set (seed {study.seed}). "
        f"Each seed draws {result.n_labelled} of the training and validation items; a labeller gets the share of "
        "them wrong on which it errs most readily, in training and in the choice of layer, strength or epochs alike. "
        f"Items were scored by {study.score}. {intervals_line(result.clusters)} Here they are over seeds and "
        "items together (Satterthwaite's degrees of freedom), those of ratios Fieller's; verdicts take intervals that "
        "cover together over techniques and labellers (Bonferroni).",
        references=result.references,
        provenance=provenance(result.model, result.splits.digests),
        declaration=study.to_yaml(),
    )


def _kept(labeller: str, answer: LabelErrorsAnswer) -> Plot:
    """Every technique's effect under one labeller's labels."""
    cells = [one for one in answer.cells if one.labeller == labeller]
    lines = []
    for name in dict.fromkeys(one.technique for one in cells):
        mine = [one for one in cells if one.technique == name]
        lines.append(technique_line(name, [one.share for one in mine], [one.effect for one in mine]))
    scale = scale_name(answer.study.score)
    more = f"Over {answer.study.seeds} seeds and the items."
    below = foot(len(answer.tested), "locked test items", scale, more)
    name = "".join(letter if letter.isalnum() else "-" for letter in labeller)
    return Plot(name, f"Labels by {labeller}", "share of wrong labels", f"effect ({scale})", lines, foot=below)
