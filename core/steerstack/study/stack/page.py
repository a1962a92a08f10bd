"""The page of a stacking study."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.measure.scoring import share_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance, settings_table
from steerstack.report.plot import (
    BARE,
    COLORS,
    NEIGHBORS,
    NULLS,
    OPPOSITE,
    VECTOR,
    Line,
    Mark,
    Panel,
    Plot,
    bare_line,
    line,
)
from steerstack.report.samples import samples_tables
from steerstack.report.words import share
from steerstack.study.stack.cost_tables import cost_tables
from steerstack.study.stack.misread import misread_table
from steerstack.study.stack.words import REFERENCE, is_bare, to_resolve

_LEVELS = ("negative", "none", "positive")
_PROMPTS = {"negative": "prompt -", "none": "no prompt", "positive": "prompt +", "few-shot": "few-shot"}
_COLORS = {"negative": OPPOSITE, "none": BARE, "positive": VECTOR}


def stack_page(value: Mapping[str, Any], declared: str, references: list[str]) -> Page:
    """Effects alone and together, interactions, the choice, nulls and costs."""
    selected, n, strength = value["selected"], value["n"], value["strength"]
    budget = "" if selected["within_kl_budget"] else " No setting kept to the KL budget; the cheapest was taken."
    return Page(
        title=f"{value['behavior']}: does the vector help, and does it stack?",
        lead=f"{value['model']}. The exhibiting answer {value['polarity']}. Scored by {value['score']}; effects are "
        f"differences in mean {value['scale']} from the bare model, on the same {n['test']} locked test items, with "
        f"95 % intervals.{_origins(value)}",
        verdict=value["verdict"],
        warnings=[value["warning"]] if value["warning"] else [],
        plots=[_stacked(value), _choice(value), _nulls(value)],
        tables=[
            _arms(value),
            *misread_table(value),
            _interactions(value),
            *_together(value),
            *cost_tables(value),
            *_chosen(value),
            *samples_tables(value.get("samples")),
        ],
        methods=f"Items were split by question into {n['train']} for training, {n['validation']} for validation and "
        f"{n['test']} locked for the test. The vector was read at {value['study']['position']} and added to the "
        f"{value['study']['tokens']} tokens at layer {selected['layer']} with multiplier {selected['scale']:g}: a norm "
        f"of {strength['norm']:.2f}, {strength['share_of_residual_norm']:.0%} of the residual stream's. It was chosen "
        f"on validation among {selected['choices_tried']} settings by the {selected['rule']}.{budget} "
        f"{_beside(value)}{_null_words(value)} {intervals_line(value)} {_letters(value)}",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )


def _beside(value: Mapping[str, Any]) -> str:
    """What the vector was combined with and compared with, of what ran."""
    prompts, made = value["selected"]["prompts"], value["finetunes"]
    tuned = {i["finetune"] for i in value["arms"]} - {"none"}
    shown = [name for name in made if name not in tuned]
    found = []
    if prompts:
        found.append("Prompts were chosen on the same validation items.")
    if shown:
        found.append("Demonstrations were drawn from the training items and chosen on the same validation items.")
    if tuned:
        found.append(f"{', '.join(sorted(tuned))} learned from the same training items.")
    if value["interactions"]:
        margin = value["interactions"][0]["margin"]
        found.append(
            "An interaction is a difference in differences (both together, minus each alone); p values are of paired "
            "t tests, corrected by Holm over all interactions of a scale. Two add up where the interval of what the "
            f"first keeps lies within {1 - margin:.0%} and {1 + margin:.0%}, and are redundant where it lies below "
            f"{margin:.0%}; the margin was declared before the run."
        )
    return " ".join(found) + (" " if found else "")


def _origins(value: Mapping[str, Any]) -> str:
    """Where vectors are from, if there is more than one place."""
    tuned = any(arm["finetune"] != "none" for arm in value["arms"])
    words = " Transferred: the base model's vector; refitted: extracted again from the fine-tuned model."
    return words if tuned else ""


def _stacked(value: Mapping[str, Any]) -> Plot:
    """Every arm: a panel for each fine-tune and origin, a row for each prompt, a colour for each sign of the vector."""
    level = {(a["finetune"], a["vector_origin"], a["prompt"], a["vector"]): a["effect"] for a in value["arms"]}
    prompts = [prompt for prompt in _PROMPTS if ("none", "transferred", prompt, "none") in level]
    panels = []
    for tune, origin in sorted({(arm["finetune"], arm["vector_origin"]) for arm in value["arms"]}, key=_panel_order):
        at = list(range(len(prompts)))
        lines = [_level(vector, at, [level[tune, origin, prompt, vector] for prompt in prompts]) for vector in _LEVELS]
        if tune == "none":
            lines[1] = _without_itself(lines[1], prompts.index("none"))
            lines += _nulls_at(value, prompts.index("none"))
        panels.append(Panel("base model" if tune == "none" else f"{tune}, vector {origin}", lines,
                            [_PROMPTS[prompt] for prompt in prompts]))  # fmt: skip
    drawn = "Ticks: nulls, each at its own choice, of the vector's norm." if value["nulls"] else "No nulls were run."
    return Plot(
        "stacked-effects", "Stacked effects", "", _effect(value), panels=panels,
        caption="Differences from the bare model, which is 0.", foot=_foot(value, drawn),
    )  # fmt: skip


def _level(vector: str, at: Sequence[float], effects: Sequence[Mapping[str, Any]]) -> Line:
    name = {"negative": "vector, sign turned", "none": "no vector", "positive": "the vector"}[vector]
    return line(name, at, effects, color=_COLORS[vector])


def _without_itself(bare: Line, place: int) -> Line:
    """The bare model beside itself has no interval: it is the reference."""
    keep = [at for at in range(len(bare.x)) if at != place]
    x, y, low, high = ([side[at] for at in keep] for side in (bare.x, bare.y, bare.low, bare.high))
    return Line(bare.name, x, y, low, high, bare.color)


def _nulls_at(value: Mapping[str, Any], place: float) -> list[Line]:
    """Every null as a point, by family."""
    families = dict.fromkeys(null["family"] for null in value["nulls"])
    found = {name: [n["effect"]["value"] for n in value["nulls"] if n["family"] == name] for name in families}
    return [
        bare_line(f"{name} ({len(of)})", [place] * len(of), of, color=NULLS, style="faint")
        for name, of in found.items()
    ]


def _effect(value: Mapping[str, Any]) -> str:
    return f"effect on {value['behavior']} ({value['scale']})"


def _foot(value: Mapping[str, Any], more: str) -> str:
    return foot(value["n"]["test"], "locked test items", value["scale"], more)


def _panel_order(panel: tuple[str, str]) -> tuple[bool, str, bool]:
    finetune, origin = panel
    return finetune != "none", finetune, origin == "refitted"


def _choice(value: Mapping[str, Any]) -> Plot:
    """What was tried on validation: effect against strength, a line for each layer, and what was chosen."""
    chosen, n = value["selected"], value["n"]["validation"]
    tried = chosen["tried"]
    ranked = any(t["promise"] is not None for t in tried)
    lines = []
    for place, layer in enumerate(sorted({t["layer"] for t in tried})):
        color = COLORS[place % len(COLORS)]
        mine = sorted((t for t in tried if t["layer"] == layer), key=lambda t: float(t["share"]))
        if ranked:
            shares = [t["share"] for t in mine]
            lines.append(bare_line(f"layer {layer}, to first order", shares, [t["promise"] for t in mine],
                                   color=color, style="dashed"))  # fmt: skip
        if measured := [t for t in mine if t["effect"]]:
            name = f"layer {layer}" + (", measured" if ranked else "")
            lines.append(line(name, [t["share"] for t in measured], [t["effect"] for t in measured], color=color))
    took = next(t for t in tried if (t["layers"], t["scale"]) == (chosen["layers"], chosen["scale"]))
    mark = Mark("chosen", took["share"], took["effect"]["value"]) if took["effect"] else None
    caption = f"Chosen: layer {chosen['layer']}, multiplier {chosen['scale']:.3g}."
    if ranked:
        count = sum(t["log_odds"] is not None for t in tried)
        caption += f" The {count} that promised most to first order were measured."
    caption += " Every null chose in the same way; what it then did on test items is in the next figure."
    said = f"chosen among {chosen['choices_tried']} on validation items; nulls: see the next figure."
    return Plot(
        "dose-response", "What was chosen, where", "added norm, as a share of the residual stream's", _effect(value),
        lines, caption, mark=mark, foot=foot(n, "validation items at most", value["scale"], said.capitalize()),
    )  # fmt: skip


def _nulls(value: Mapping[str, Any]) -> Plot:
    alone = next(a for a in value["arms"] if (a["prompt"], a["vector"], a["finetune"]) == ("none", "positive", "none"))
    families = dict.fromkeys(null["family"] for null in value["nulls"])
    lines = [line("the vector", [0], [alone["effect"]], color=VECTOR)]
    for place, name in enumerate(families, 1):
        of = [null["effect"]["value"] for null in value["nulls"] if null["family"] == name]
        lines.append(bare_line("nulls", [place] * len(of), of, color=NULLS, style="faint"))
    for place, other in enumerate(value["neighbors"], 1 + len(families)):
        lines.append(line("another behaviour's vector", [place], [other["effect"]], color=NEIGHBORS))
    counts = [sum(null["family"] == name for null in value["nulls"]) for name in families]
    return Plot(
        "nulls", "The vector beside its nulls", "", _effect(value), lines,
        "Each has the vector's norm and chose its own layer and strength. A vector of another behaviour is a neighbour "
        "and no null.",
        categories=["the vector", *(f"{name} ({count})" for name, count in zip(families, counts, strict=True)),
                    *(str(other["neighbor"]) for other in value["neighbors"])],
        foot=_foot(value, f"Each tick is one null, on {value['null_test']['n_items']} of these items."),
    )  # fmt: skip


def _null_words(value: Mapping[str, Any]) -> str:
    """How the nulls were made and tested."""
    test, study = value["null_test"], value["study"]
    if not study["nulls"]:
        return "No nulls were run."
    return (
        f"{study['nulls']} random directions and as many vectors from shuffled labels (balanced) were brought to the "
        "vector's norm at each layer; each chose its own layer and strength on validation by the same rule, and was "
        f"measured on the same {test['n_items']} test items. p = (1 + b) / (N + 1) in each family, {test['side']} "
        f"(Phipson & Smyth, 2010); a claim needs {test['n_needed']} nulls of each and p of at most {test['level']}."
    )


def _arms(value: Mapping[str, Any]) -> Table:
    """A row an arm; one without a vector is the same wherever vectors are from, and stands there once."""
    rows = [
        ["base" if a["finetune"] == "none" else a["finetune"], _PROMPTS[a["prompt"]], *_vector(a),
         interval(a["estimate"]), f"{a['probability']['value']:.3f}",
         REFERENCE if is_bare(a) else interval(a["effect"])]
        for a in value["arms"] if a["vector"] != "none" or a["vector_origin"] == "transferred"
    ]  # fmt: skip
    columns = ["model", "prompt", "vector", "from", value["scale"], share_name(value["score"]), "effect"]
    n = f"n = {value['n']['test']} locked test items in every row; brackets: 95 % intervals."
    return Table("Every arm", columns, rows, n)


def _vector(arm: Mapping[str, Any]) -> tuple[str, str]:
    sign = {"none": "none", "positive": "+", "negative": "-"}[arm["vector"]]
    return sign, "" if arm["vector"] == "none" or arm["finetune"] == "none" else arm["vector_origin"]


def _interactions(value: Mapping[str, Any]) -> Table:
    scales = {"log-odds": value["scale"], "probability": share_name(value["score"])}
    rows = [
        [" x ".join(i["of"]), i["direction"], i.get("finetune", "base"), i.get("vector_origin", ""), scales[i["scale"]],
         *(interval(i[key]) for key in ("first", "second", "both", "first_on_top")), share(i["retained"]),
         interval(i["estimate"]), f"{i['p_holm']:.2g}",
         i["verdict"] + (" (near a limit of the scale)" if i["near_ceiling"] else "")
         + (f"; {to_resolve(i['n_to_resolve'])}" if i["n_to_resolve"] else "")]
        for i in value["interactions"]
    ]  # fmt: skip
    columns = ["of", "direction", "on", "vector", "scale", "first alone", "second alone", "both",
               "first on top of second", "kept", "interaction", "p (Holm)", "verdict"]  # fmt: skip
    return Table(
        "Interactions",
        columns,
        rows,
        "Interaction: both together, minus each alone. Kept: the share of the first's effect alone that it "
        "has on top of the second, with Fieller's interval.",
    )


def _together(value: Mapping[str, Any]) -> list[Table]:
    rows = [
        [c["vector"], c["edit"], str(c["layer"]), f"{c['scale']:g}", interval(c["effect"]), interval(c["together"]),
         interval(c["order"]["difference"]), c["order"]["decided_by"]]
        for c in value["companions"]
    ]  # fmt: skip
    columns = ["vector", "edit", "layer", "scale", "alone", "after the study's vector", "last minus first", "order"]
    return [Table("Several vectors together", columns, rows)] if rows else []


def _chosen(value: Mapping[str, Any]) -> list[Table]:
    """Prompts, demonstrations and fine-tunes, as they were chosen."""
    prompts = [[side, text] for side, text in value["selected"]["prompts"].items()]
    note = f"Best of {value['selected']['prompts_tried']} on validation."
    return [
        *[Table("System prompts", ["prompt", "text"], prompts, note)] * bool(prompts),
        *settings_table("How the rest was made", value["finetunes"]),
    ]


def _letters(value: Mapping[str, Any]) -> str:
    """Whether the model answers by content."""
    found = value["competence"]
    if found["swap_consistency"] is None:
        return "The items have no second order of their options."
    meaning = {"content": "it answers by content", "letter": "it answers by position"}
    told = meaning.get(found["answers_by"], "whether it answers by content is unclear")
    held = found["label_mass"]
    mass = f" The labels hold {held['mean']:.0%} of the probability in the form {held['form']!r}." if held else ""
    return (
        f"By label the model keeps its choice in {found['swap_consistency']:.0%} of {found['n']} validation items "
        f"when the options change places (a coin: 50 %): {told}.{mass}"
    )
