"""The page of a study of wrong labels."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import Plot
from steerstack.techniques.figure import technique_line


def label_errors_page(
    value: Mapping[str, Any], declared: str, references: Sequence[str], warnings: Sequence[str]
) -> Page:
    """What is kept at each share of wrong labels, by labeller."""
    study, cells = value["declared"], value["cells"]
    labellers = list(dict.fromkeys(one["labeller"] for one in cells))
    rows = [
        [
            one["technique"],
            one["labeller"],
            f"{one['wrong']:.0%}",
            interval(one["effect"]),
            interval(one["recovered"]),
            one["kept"],
            interval(one["bias"]),
            one["learnt"],
        ]
        for one in cells
    ]
    true = [[name, interval(of)] for name, of in value["true_labels"].items()]
    whose = [
        [of["labeller"], f"{of['asked']:.0%}", f"{of['wrong']:.0%}", f"{of['test_items']} of {value['n_test']}"]
        for of in value["labellers"]
    ]
    return Page(
        title=f"{value['behavior']}: what is left when labels are wrong?",
        lead=f"{value['model']}; effects are differences in mean {value['scale']} from the bare model on the same "
        f"{value['n_test']} locked test items with true labels. Every technique learnt from {value['n_labelled']} "
        f"labelled items, under {study['seeds']} seeds.",
        verdict=value["verdict"],
        warnings=[told for told in [value["warning"], *warnings, *value["failed"]] if told],
        plots=[_kept(name, [one for one in cells if one["labeller"] == name], value) for name in labellers],
        tables=[
            Table(
                "What wrong labels leave",
                ["technique", "labeller", "wrong", "effect", "gap recovered", "verdict", "costs more there", "learnt"],
                rows,
                f"Gap recovered: the effect over that of true labels. Kept above {1 - study['margin']:.0%}. Costs more "
                "there: loss on test items of the kind that the labeller gets wrong, minus loss on all others.",
            ),
            Table("On true labels", ["technique", "effect"], true),
            Table("The labellers", ["labeller", "asked for", "wrong", "test items of the kind"], whose),
        ],
        methods=f"Items were split by question into training, validation and a locked test set (seed {study['seed']}). "
        f"Each seed draws {value['n_labelled']} of the training and validation items; a labeller gets the share of "
        "them wrong on which it errs most readily, in training and in the choice of layer, strength or epochs alike. "
        f"Items were scored by {study['score']}. {intervals_line(value)} Here they are over seeds and items together "
        "(Satterthwaite's degrees of freedom), those of ratios Fieller's; verdicts take intervals that cover together "
        "over techniques and labellers (Bonferroni).",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )


def _kept(labeller: str, cells: Sequence[Mapping[str, Any]], value: Mapping[str, Any]) -> Plot:
    lines = []
    for name in dict.fromkeys(one["technique"] for one in cells):
        mine = [one for one in cells if one["technique"] == name]
        lines.append(technique_line(name, [one["wrong"] for one in mine], [one["effect"] for one in mine]))
    more = f"Over {value['declared']['seeds']} seeds and the items."
    below = foot(value["n_test"], "locked test items", value["scale"], more)
    name = "".join(letter if letter.isalnum() else "-" for letter in labeller)
    return Plot(name, f"Labels by {labeller}", "share of wrong labels", f"effect ({value['scale']})", lines, foot=below)
