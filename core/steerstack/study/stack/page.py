"""The page of a stacking study."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.measure.scoring import share_name
from steerstack.report.page import Page, Plot, Table, bare_line, interval, intervals_line, line, provenance
from steerstack.report.samples import samples_tables
from steerstack.report.words import share
from steerstack.study.stack.misread import misread_table

_LEVELS = ("negative", "none", "positive")
_PROMPTS = {"negative": "prompt -", "none": "no prompt", "positive": "prompt +", "few-shot": "few-shot"}
_COLORS = {"negative": "#b5523b", "none": "#7a7f87", "positive": "#2a7f9e"}


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
            _costs(value),
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
    """Every arm: fine-tunes and prompts along x, a colour for each level of the vector."""
    panels = sorted({(arm["finetune"], arm["vector_origin"]) for arm in value["arms"]}, key=_panel_order)
    level = {(a["finetune"], a["vector_origin"], a["prompt"], a["vector"]): a["effect"] for a in value["arms"]}
    places = [(*panel, prompt) for panel in panels for prompt in _PROMPTS if (*panel, prompt, "none") in level]
    lines = [
        line(
            f"{'no' if vector == 'none' else vector} vector",
            list(range(len(places))),
            [level[(*place, vector)] for place in places],
            color=_COLORS[vector],
        )
        for vector in _LEVELS
    ]
    return Plot(
        "stacked-effects", "Stacked effects", "", f"effect on {value['behavior']} ({value['scale']})", lines,
        categories=[
            f"{_PROMPTS[prompt]}\n" + ("base" if tune == "none" else f"{tune}\n{origin}")
            for tune, origin, prompt in places
        ],
    )  # fmt: skip


def _panel_order(panel: tuple[str, str]) -> tuple[bool, str, bool]:
    finetune, origin = panel
    return finetune != "none", finetune, origin == "refitted"


def _choice(value: Mapping[str, Any]) -> Plot:
    """What was tried on validation: log-odds against strength, a line for each layer."""
    tried = value["selected"]["tried"]
    measured = all(t["log_odds"] is not None for t in tried)
    height = "log_odds" if measured else "promise"
    lines = []
    for layer in sorted({t["layer"] for t in tried}):
        mine = sorted((t for t in tried if t["layer"] == layer), key=lambda t: float(t["share"]))
        lines.append(bare_line(f"layer {layer}", [t["share"] for t in mine], [t[height] for t in mine]))
    y = f"mean {value['scale']} on validation" if measured else f"effect to first order ({value['scale']})"
    chosen = f"Chosen: layer {value['selected']['layer']}, multiplier {value['selected']['scale']:g}."
    if not measured:
        count = sum(t["log_odds"] is not None for t in tried)
        chosen += f" The {count} that promised most on validation were measured."
    share = "added norm, as a share of the residual stream's"
    return Plot("dose-response", "What was chosen, where", share, y, lines, chosen)


def _nulls(value: Mapping[str, Any]) -> Plot:
    alone = next(a for a in value["arms"] if (a["prompt"], a["vector"], a["finetune"]) == ("none", "positive", "none"))
    families = dict.fromkeys(null["family"] for null in value["nulls"])
    nulls = {name: [n["effect"] for n in value["nulls"] if n["family"] == name] for name in families}
    nulls |= {other["neighbor"]: [other["effect"]] for other in value["neighbors"]}
    estimates = [alone["effect"], *(_spread(effects) for effects in nulls.values())]
    return Plot(
        "nulls", "The vector beside its nulls", "", f"effect on {value['behavior']} ({value['scale']})",
        [line("effect", list(range(len(estimates))), estimates)],
        "The vector with its interval; of each family of nulls the mean effect and the range; a vector of another "
        "behaviour, which is a neighbour and no null. Each has the vector's norm and chose its own layer and strength.",
        categories=["the vector", *(f"{name}\n({len(of)})" if len(of) > 1 else name for name, of in nulls.items())],
    )  # fmt: skip


def _spread(effects: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A single effect with its interval; of several the mean and the range."""
    values = [effect["value"] for effect in effects]
    if len(values) == 1:
        return effects[0]
    return {"value": sum(values) / len(values), "ci_low": min(values), "ci_high": max(values)}


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
    rows = [
        [a["finetune"], a["vector_origin"], a["prompt"], a["vector"], interval(a["estimate"]),
         f"{a['probability']['value']:.3f}", interval(a["effect"])]
        for a in value["arms"]
    ]  # fmt: skip
    columns = ["fine-tune", "vector from", "prompt", "vector", value["scale"], share_name(value["score"]), "effect"]
    return Table("Every arm", columns, rows)


def _interactions(value: Mapping[str, Any]) -> Table:
    scales = {"log-odds": value["scale"], "probability": share_name(value["score"])}
    rows = [
        [" x ".join(i["of"]), i["direction"], i.get("finetune", "base"), i.get("vector_origin", ""), scales[i["scale"]],
         *(interval(i[key]) for key in ("first", "second", "both", "first_on_top")), share(i["retained"]),
         interval(i["estimate"]), f"{i['p_holm']:.2g}",
         i["verdict"] + (" (near a limit of the scale)" if i["near_ceiling"] else "")
         + (f"; n to resolve: {i['n_to_resolve']}" if i["n_to_resolve"] else "")]
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


def _costs(value: Mapping[str, Any]) -> Table:
    rows = [
        [c["vector"], c["finetune"], c["vector_origin"], interval(c["kl_estimate"]), f"{c['perplexity']:.1f}"]
        for c in value["costs"]
    ]
    note = "On neutral text, against the same model without the vector."
    return Table(
        "What it costs", ["vector", "fine-tune", "vector from", "KL per token (nats)", "perplexity"], rows, note
    )


def _chosen(value: Mapping[str, Any]) -> list[Table]:
    """Prompts, demonstrations and fine-tunes, as they were chosen."""
    prompts = [[side, text] for side, text in value["selected"]["prompts"].items()]
    made = [[name, "; ".join(f"{key} {part}" for key, part in how.items())] for name, how in value["finetunes"].items()]
    note = f"Best of {value['selected']['prompts_tried']} on validation."
    return [Table("System prompts", ["prompt", "text"], prompts, note)] * bool(prompts) + [
        Table("How the rest was made", ["technique", "record"], made)
    ] * bool(made)


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
