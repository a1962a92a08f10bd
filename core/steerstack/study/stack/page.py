"""The page of a stacking study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name, share_name
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
from steerstack.stats.estimate import Estimate
from steerstack.study import null_test
from steerstack.study.stack.cost_tables import cost_tables
from steerstack.study.stack.grid import BARE as BARE_MODEL
from steerstack.study.stack.grid import LEVELS, PROMPTS, Cell, Level
from steerstack.study.stack.words import REFERENCE, letters_words, to_resolve

if TYPE_CHECKING:
    from steerstack.study.stack.result import StackResult

_PROMPTS = {"negative": "prompt -", "none": "no prompt", "positive": "prompt +", "few-shot": "few-shot"}
_COLORS = {"negative": OPPOSITE, "none": BARE, "positive": VECTOR}


def stack_page(result: StackResult) -> Page:
    """Effects alone and together, interactions, the choice, nulls and costs."""
    study, splits, choice, n_test = result.study, result.splits, result.choice, len(result.splits.test)
    budget = "" if choice.within_budget else " No setting kept to the KL budget; the cheapest was taken."
    return Page(
        title=f"{result.behavior}: does the vector help, and does it stack?",
        lead=f"{result.model.name}. The exhibiting answer {splits.test.polarity}. Scored by {study.score}; effects are "
        f"differences in mean {scale_name(study.score)} from the bare model, on the same {n_test} locked test items, "
        f"with 95 % intervals.{_origins(result)}",
        verdict=result.verdict,
        warnings=[result.warning] if result.warning else [],
        plots=[_stacked(result), _choice(result), _nulls(result)],
        tables=[
            _arms(result),
            *(result.misread.tables(result.arms) if result.misread else []),
            _interactions(result),
            *_together(result),
            *cost_tables(result),
            *_chosen(result),
            *samples_tables(result.samples),
        ],
        methods=f"Items were split by question into {len(splits.train)} for training, {len(splits.validation)} for "
        f"validation and {n_test} locked for the test. The vector was read at {study.position} and added to the "
        f"{study.tokens} tokens at layer {choice.layer} with multiplier {choice.scale:g}: a norm "
        f"of {result.norm:.2f}, {result.share_of_norm:.0%} of the residual stream's. It was chosen "
        f"on validation among {len(choice.tried)} settings by the {choice.rule}.{budget} "
        f"{_beside(result)}{_null_words(result)} {intervals_line(result.clusters)} {letters_words(result.competence)}",
        references=[f"{name}: {paper}" for name, paper in result.papers.items() if paper],
        provenance=provenance(result.model, splits.digests, result.vector),
        declaration=study.to_yaml(),
    )


def _beside(result: StackResult) -> str:
    """What the vector was combined with and compared with, of what ran."""
    prompts = result.prompts
    tuned = {arm.cell.finetune for arm in result.arms} - {"none"}
    sentences = []
    if prompts:
        sentences.append("Prompts were chosen on the same validation items.")
    if any(arm.cell.prompt == "few-shot" for arm in result.arms):
        sentences.append("Demonstrations were drawn from the training items and chosen on the same validation items.")
    if tuned:
        sentences.append(f"{', '.join(sorted(tuned))} learned from the same training items.")
    if result.interactions:
        margin = result.study.margin
        sentences.append(
            "An interaction is a difference in differences (both together, minus each alone); p values are of paired "
            "t tests, corrected by Holm over all interactions of a scale. Two add up where the interval of what the "
            f"first keeps lies within {1 - margin:.0%} and {1 + margin:.0%}, and are redundant where it lies below "
            f"{margin:.0%}; the margin was declared before the run."
        )
    return " ".join(sentences) + (" " if sentences else "")


def _origins(result: StackResult) -> str:
    """Where vectors are from, if there is more than one place."""
    tuned = any(arm.cell.finetune != "none" for arm in result.arms)
    words = " Transferred: the base model's vector; refitted: extracted again from the fine-tuned model."
    return words if tuned else ""


def _stacked(result: StackResult) -> Plot:
    """Every arm: a panel for each fine-tune and origin, a row for each prompt, a colour for each sign of the vector."""
    effects = {arm.cell: arm.effect for arm in result.arms}
    prompts = [prompt for prompt in PROMPTS if Cell(prompt, "none") in effects]
    at = list(range(len(prompts)))
    panels = []
    for tune, origin in sorted({(cell.finetune, cell.origin) for cell in effects}, key=_panel_order):
        lines = [
            _level(vector, at, [effects[Cell(prompt, vector, tune, origin)] for prompt in prompts]) for vector in LEVELS
        ]
        if tune == "none":
            lines[1] = _without_itself(lines[1], prompts.index("none"))
            lines += _nulls_at(result, prompts.index("none"))
        panels.append(Panel("base model" if tune == "none" else f"{tune}, vector {origin}", lines,
                            [_PROMPTS[prompt] for prompt in prompts]))  # fmt: skip
    drawn = (
        "Ticks: nulls, each at its own choice, of the vector's norm." if result.nulls.nulls else "No nulls were run."
    )
    return Plot(
        "stacked-effects", "Stacked effects", "", _effect(result), panels=panels,
        caption="Differences from the bare model, which is 0.", foot=_foot(result, drawn),
    )  # fmt: skip


def _level(vector: Level, at: Sequence[float], effects: Sequence[Estimate]) -> Line:
    name = {"negative": "vector, sign turned", "none": "no vector", "positive": "the vector"}[vector]
    return line(name, at, effects, color=_COLORS[vector])


def _without_itself(bare: Line, place: int) -> Line:
    """The bare model beside itself has no interval: it is the reference."""
    keep = [at for at in range(len(bare.x)) if at != place]
    x, y, low, high = ([side[at] for at in keep] for side in (bare.x, bare.y, bare.low, bare.high))
    return Line(bare.name, x, y, low, high, bare.color)


def _nulls_at(result: StackResult, place: float) -> list[Line]:
    """Every null as a point, by family."""
    return [
        bare_line(f"{name} ({len(of)})", [place] * len(of), of, color=NULLS, style="faint")
        for name, of in _families(result).items()
    ]


def _families(result: StackResult) -> dict[str, list[float]]:
    """The effect of every null, by family."""
    families: dict[str, list[float]] = {}
    for null in result.nulls.nulls:
        families.setdefault(null.family, []).append(null.effect(result.bare_there).value)
    return families


def _effect(result: StackResult) -> str:
    return f"effect on {result.behavior} ({scale_name(result.study.score)})"


def _foot(result: StackResult, more: str) -> str:
    return foot(len(result.splits.test), "locked test items", scale_name(result.study.score), more)


def _panel_order(panel: tuple[str, str]) -> tuple[bool, str, bool]:
    finetune, origin = panel
    return finetune != "none", finetune, origin == "refitted"


def _choice(result: StackResult) -> Plot:
    """What was tried on validation: effect against strength, a line for each layer, and what was chosen."""
    choice, tried = result.choice, result.choice.tried
    promised = [(t.candidate, t.promise) for t in tried if t.promise is not None]
    effects = [(t.candidate, t.effect) for t in tried if t.effect is not None]
    lines = []
    for place, layer in enumerate(sorted({t.candidate.layers[0] for t in tried})):
        color = COLORS[place % len(COLORS)]
        if first_order := sorted((c.share, promise) for c, promise in promised if c.layers[0] == layer):
            shares, promises = zip(*first_order, strict=True)
            lines.append(bare_line(f"layer {layer}, to first order", shares, promises, color=color, style="dashed"))
        if mine := sorted((one for one in effects if one[0].layers[0] == layer), key=lambda one: one[0].share):
            name = f"layer {layer}" + (", measured" if promised else "")
            lines.append(line(name, [c.share for c, _ in mine], [effect for _, effect in mine], color=color))
    took = next((effect for candidate, effect in effects if candidate == choice.candidate), None)
    mark = Mark("chosen", choice.candidate.share, took.value) if took is not None else None
    caption = f"Chosen: layer {choice.layer}, multiplier {choice.scale:.3g}."
    if promised:
        count = sum(t.log_odds is not None for t in tried)
        caption += f" The {count} that promised most to first order were measured."
    caption += " Every null chose in the same way; what it then did on test items is in the next figure."
    note = f"chosen among {len(tried)} on validation items; nulls: see the next figure."
    return Plot(
        "dose-response", "What was chosen, where", "added norm, as a share of the residual stream's", _effect(result),
        lines, caption, mark=mark,
        foot=foot(len(result.splits.validation), "validation items at most", scale_name(result.study.score),
                  note.capitalize()),
    )  # fmt: skip


def _nulls(result: StackResult) -> Plot:
    families, neighbors = _families(result), result.nulls.neighbors
    lines = [line("the vector", [0], [result.effect], color=VECTOR)]
    for place, of in enumerate(families.values(), 1):
        lines.append(bare_line("nulls", [place] * len(of), of, color=NULLS, style="faint"))
    for place, other in enumerate(neighbors, 1 + len(families)):
        effect = other.effect(result.bare_there)
        lines.append(line("another behaviour's vector", [place], [effect], color=NEIGHBORS))
    return Plot(
        "nulls", "The vector beside its nulls", "", _effect(result), lines,
        "Each has the vector's norm and chose its own layer and strength. A vector of another behaviour is a neighbour "
        "and no null.",
        categories=["the vector", *(f"{name} ({len(of)})" for name, of in families.items()),
                    *(other.name for other in neighbors)],
        foot=_foot(result, f"Each tick is one null, on {len(result.nulls.items)} of these items."),
    )  # fmt: skip


def _null_words(result: StackResult) -> str:
    """How the nulls were made and tested."""
    study = result.study
    if not study.nulls:
        return "No nulls were run."
    return (
        f"{study.nulls} random directions and as many vectors from shuffled labels (balanced) were brought to the "
        "vector's norm at each layer; each chose its own layer and strength on validation by the same rule, and was "
        f"measured on the same {len(result.nulls.items)} test items. p = (1 + b) / (N + 1) in each family, "
        f"{null_test.SIDE} (Phipson & Smyth, 2010); a claim needs {null_test.LEAST} nulls of each and p "
        f"of at most {null_test.LEVEL}."
    )


def _arms(result: StackResult) -> Table:
    """A row an arm."""
    rows = [
        ["base" if arm.cell.finetune == "none" else arm.cell.finetune, _PROMPTS[arm.cell.prompt], *_vector(arm.cell),
         interval(arm.estimate), f"{arm.probability.value:.3f}",
         REFERENCE if arm.cell == BARE_MODEL else interval(arm.effect)]
        for arm in result.arms if arm.cell.listed
    ]  # fmt: skip
    score = result.study.score
    columns = ["model", "prompt", "vector", "from", scale_name(score), share_name(score), "effect"]
    n = f"n = {len(result.splits.test)} locked test items in every row; brackets: 95 % intervals."
    return Table("Every arm", columns, rows, n)


def _vector(cell: Cell) -> tuple[str, str]:
    sign = {"none": "none", "positive": "+", "negative": "-"}[cell.vector]
    return sign, "" if cell.vector == "none" or cell.finetune == "none" else cell.origin


def _interactions(result: StackResult) -> Table:
    score = result.study.score
    scales = {"log-odds": scale_name(score), "probability": share_name(score)}
    rows = [
        [" x ".join(i.pairing.of), i.pairing.direction, i.pairing.finetune or "base", i.pairing.origin or "",
         scales[i.scale], *map(interval, (i.first, i.second, i.both, i.first_on_top)), share(i.retained),
         interval(i.estimate), f"{i.p_holm:.2g}",
         i.verdict + (" (near a limit of the scale)" if i.near_ceiling else "")
         + (f"; {to_resolve(i.n_to_resolve)}" if i.n_to_resolve else "")]
        for i in result.interactions
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


def _together(result: StackResult) -> list[Table]:
    rows = [
        [c.name, c.vector.edit, str(c.choice.layer), f"{c.choice.scale:g}", interval(of.alone), interval(of.together),
         interval(of.order), of.decided_by]
        for c in result.companions
        for of in [c.effects(result.bare, result.groups())]
    ]  # fmt: skip
    columns = ["vector", "edit", "layer", "scale", "alone", "after the study's vector", "last minus first", "order"]
    return [Table("Several vectors together", columns, rows)] if rows else []


def _chosen(result: StackResult) -> list[Table]:
    """Prompts, demonstrations and fine-tunes, as they were chosen."""
    prompts = [[side, text] for side, text in result.prompts.items()]
    note = f"Best of {result.prompts_record['choices_tried']} on validation."
    return [
        *[Table("System prompts", ["prompt", "text"], prompts, note)] * bool(prompts),
        *settings_table("How the rest was made", result.recipes),
    ]
