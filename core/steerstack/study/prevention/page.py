"""The page of a study of prevention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import OPPOSITE, VECTOR, Panel, Plot, line

if TYPE_CHECKING:
    from steerstack.study.prevention.result import PreventionResult


def prevention_page(result: PreventionResult) -> Page:
    """Trait and skill of all arms, what is compared, and the forecast."""
    value: Mapping[str, Any] = result.value
    study, selected = value["declared"], value["selected"]
    return Page(
        title=f"{value['behavior']}: what training with a vector keeps out of the model",
        lead=f"{value['model']}, trained by {value['finetune']} under {study['seeds']} seeds on {value['n_labelled']} "
        f"items of the trait, of which {study['bad']:.0%} show it, and {value['n_labelled']} of a skill "
        f"({study['skill']}). All arms are measured on {value['n_test']['trait']} locked items of the trait and "
        f"{value['n_test']['skill']} of the skill.",
        verdict=result.verdict,
        warnings=[text for text in [result.warning, *result.remarks] if text],
        plots=[_shifts(value, on) for on in value["n_test"]],
        tables=[_measured(value), _compared(value), *_forecast(value), _costs(value)],
        methods=f"Items of either set were split by question into training, validation and a locked test set (seed "
        f"{study['seed']}). The vector ({study['method']['name']}) is from the trait's training items; layer "
        f"{selected['layer']} and scale {selected['scale']:g} were chosen on validation items by {selected['rule']}, "
        "and serve in training and afterwards alike. In training the vector acts at every token of the training texts; "
        "their number and that of the edited activations are counted and compared in every step. The number of epochs "
        "is chosen on validation items that are mixed as the training items are, with nothing in place. Items were "
        f"scored by {study['score']}. {intervals_line(result.clusters)} Here they are over seeds and items together "
        "(Satterthwaite's degrees of freedom); p values are corrected for all comparisons together (Holm).",
        references=[
            "preventative: arXiv 2507.21509",
            "ablate: arXiv 2507.16795",
            "inoculation: arXiv 2510.04340",
            "kl-then-steer: arXiv 2406.15518",
        ],
        provenance=provenance(result.model, value["data_digests"]),
        declaration=result.study.to_yaml(),
    )


def _measured(value: Mapping[str, Any]) -> Table:
    rows = [
        *([f"{name} model", on, interval(of), ""] for on, named in value["bare"].items() for name, of in named.items()),
        *([arm["arm"], arm["on"], interval(arm["log_odds"]), interval(arm["shift"])] for arm in value["arms"]),
    ]
    return Table(
        "Trait and skill on held-out items", ["arm", "on", f"log-odds ({value['scale']})", "shift"], rows,
        "Log-odds of the answer that shows the trait, or the skill, against the other. Shift: against the bare model.",
    )  # fmt: skip


def _compared(value: Mapping[str, Any]) -> Table:
    rows = [
        [one["arm"], one["against"], one["on"], interval(one["gap"]), f"{one['p']:.2g}", f"{one['p_corrected']:.2g}",
         one["outcome"]]
        for one in value["comparisons"]
    ]  # fmt: skip
    return Table(
        "Compared", ["arm", "against", "on", "difference", "p", "corrected", "outcome"], rows,
        "Unmoved: an interval that allows for the number of comparisons lies within "
        f"{value['declared']['margin']:g} nats.",
    )  # fmt: skip


def _forecast(value: Mapping[str, Any]) -> list[Table]:
    forecast = value["forecast"]
    rows = [[f"{of['bad']:.0%}", f"{of['projection']:.3g}", interval(of["shift"])] for of in forecast["sets"]]
    if not rows:
        return []
    note = (
        "Projection: of the training answers on the unit vector, beyond the bare model's own answers, a mean over "
        f"tokens and items. Correlation with the shift over these sets: r = {interval(forecast['r'])} (Fisher's "
        "interval). The sets share their items and differ in the answers."
    )
    columns = ["answers that show the trait", "projection", "shift of the trait by plain training"]
    return [Table("The forecast", columns, rows, note)]


def _costs(value: Mapping[str, Any]) -> Table:
    rows = [
        [
            arm["arm"], f"{arm['parameters']:.0f}", f"{arm['flops']:.2g}", ", ".join(map(str, arm["epochs_chosen"])),
            "" if arm["edited_rows"] is None else f"{arm['edited_rows']} of {arm['training_tokens']}",
        ]
        for arm in value["arms"]
        if arm["on"] == "trait"
    ]  # fmt: skip
    columns = ["arm", "trained parameters", "FLOPs", "epochs chosen, by seed", "edited rows of training tokens"]
    return Table("What it took", columns, rows, "Edited rows are those of the first seed, one a token and layer.")


def _shifts(value: Mapping[str, Any], on: str) -> Plot:
    arms = [arm for arm in value["arms"] if arm["on"] == on]
    names = [arm["arm"] for arm in arms]
    groups = {"plain training": [0], "with a vector or a prompt": list(range(1, len(arms)))}
    lines = [
        line(label, list(places), [arms[place]["shift"] for place in places], color=color)
        for (label, places), color in zip(groups.items(), (OPPOSITE, VECTOR), strict=True)
    ]
    more = f"Over {value['declared']['seeds']} seeds and the items, against the bare model."
    below = foot(value["n_test"][on], f"locked items of the {on}", value["scale"], more)
    title = f"Shift of the {on} by training"
    return Plot(f"shift-{on}", title, "", f"shift ({value['scale']})", panels=[Panel("", lines, names)], foot=below)
