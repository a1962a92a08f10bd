"""The figures of a stacking study, as matplotlib figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = {"negative": "#b5523b", "none": "#7a7f87", "positive": "#2a7f9e"}
_PROMPTS = ("negative", "none", "positive")


def _bars(axes: Axes, xs: Sequence[float], estimates: Sequence[Mapping[str, Any]], **style: Any) -> None:
    values = [e["value"] for e in estimates]
    low = [e["value"] - e["ci_low"] for e in estimates]
    high = [e["ci_high"] - e["value"] for e in estimates]
    axes.errorbar(xs, values, yerr=[low, high], fmt="o", capsize=3, markersize=6, **style)


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _named(level: str) -> str:
    return "no" if level == "none" else level


def stacked(value: Mapping[str, Any]) -> Figure:
    """Effect of every arm: one panel for each fine-tune and origin, prompts along x, vectors by colour."""
    panels = sorted({(arm["finetune"], arm["vector_origin"]) for arm in value["arms"]}, key=_panel_order)
    figure = Figure(figsize=(1.2 + 3.4 * len(panels), 4.2), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (finetune, origin) in zip(grid, panels, strict=True):
        here = [a for a in value["arms"] if (a["finetune"], a["vector_origin"]) == (finetune, origin)]
        prompts = [prompt for prompt in _PROMPTS if any(a["prompt"] == prompt for a in here)]
        for shift, vector in zip((-0.18, 0.0, 0.18), _PROMPTS, strict=True):
            arms = [a for a in here if a["vector"] == vector]
            xs = [prompts.index(a["prompt"]) + shift for a in arms]
            _bars(
                axes,
                xs,
                [a["effect"] for a in arms],
                color=COLORS[vector],
                label=f"{_named(vector)} vector",
            )
        axes.axhline(0, color="#333333", linewidth=0.8)
        axes.set_xticks(range(len(prompts)), [f"{_named(prompt)}\nprompt" for prompt in prompts])
        axes.set_title("base model" if finetune == "none" else f"{finetune}\nvector {origin}", fontsize=10)
        _clean(axes)
    grid[0].set_ylabel(f"effect on {value['behavior']}\n({value['scale']}, against the bare model)")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _panel_order(panel: tuple[str, str]) -> tuple[bool, str, bool]:
    finetune, origin = panel
    return finetune != "none", finetune, origin == "refitted"


def dose_response(value: Mapping[str, Any]) -> Figure:
    """Validation log-odds against strength, a line for each layer; the choice is marked."""
    tried = value["selected"]["tried"]
    layers = sorted({t["layer"] for t in tried})
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    axes, cost = figure.subplots(1, 2)
    shades = [f"C{index}" for index in range(len(layers))]
    for layer, shade in zip(layers, shades, strict=True):
        mine = sorted((t for t in tried if t["layer"] == layer), key=lambda t: t["share"])
        xs = [-t["share"] for t in reversed(mine)] + [0.0] + [t["share"] for t in mine]
        ys = [t["minus"] for t in reversed(mine)] + [mine[0]["unsteered"]] + [t["plus"] for t in mine]
        axes.plot(xs, ys, "o-", color=shade, markersize=4, label=f"layer {layer}")
        cost.plot([t["kl"] for t in mine], [t["effect"] for t in mine], "o-", color=shade, markersize=4)
    chosen = next(
        t for t in tried if t["layer"] == value["selected"]["layer"] and t["scale"] == value["selected"]["scale"]
    )
    axes.plot([chosen["share"]], [chosen["plus"]], "o", markersize=12, fillstyle="none", color="black")
    cost.plot([chosen["kl"]], [chosen["effect"]], "o", markersize=12, fillstyle="none", color="black", label="chosen")
    axes.set_xlabel("added norm, as a share of the residual stream's")
    axes.set_ylabel(f"mean {value['scale']} on validation")
    axes.legend(frameon=False, fontsize=8)
    cost.set_xlabel("KL per token on neutral text (nats)")
    cost.set_ylabel("effect on validation, half of + to -")
    cost.legend(frameon=False, fontsize=8)
    for each in (axes, cost):
        _clean(each)
    return figure


def nulls(value: Mapping[str, Any]) -> Figure:
    """The vector's effect beside the nulls of the same norm, at the same layer."""
    alone = next(a for a in value["arms"] if (a["prompt"], a["vector"], a["finetune"]) == ("none", "positive", "none"))
    names = ["the vector", *(null["null"] for null in value["nulls"])]
    estimates = [alone["effect"], *(null["effect"] for null in value["nulls"])]
    figure = Figure(figsize=(6.4, 0.9 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    for row, (name, e) in enumerate(zip(names, estimates, strict=True)):
        color = COLORS["positive"] if row == 0 else COLORS["none"]
        sides = [[e["value"] - e["ci_low"]], [e["ci_high"] - e["value"]]]
        axes.errorbar([e["value"]], [row], xerr=sides, fmt="o", capsize=3, color=color, label=name)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(0, color="#333333", linewidth=0.8)
    axes.set_xlabel(f"effect on {value['behavior']} ({value['scale']})")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def all_figures(value: Mapping[str, Any]) -> dict[str, Figure]:
    """Every figure by name."""
    return {"stacked-effects": stacked(value), "dose-response": dose_response(value), "nulls": nulls(value)}
