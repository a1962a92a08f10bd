"""The page of a sweep."""

from collections.abc import Mapping
from typing import Any

from steerstack.report.page import Page, Plot, Table, interval, intervals_line, line, provenance


def sweep_page(value: Mapping[str, Any], declared: str, references: list[str]) -> Page:
    """Effect and cost of every arm, beside the nulls."""
    layers = sorted({arm["layer"] for arm in value["arms"]})
    by_layer = {at: sorted((a for a in value["arms"] if a["layer"] == at), key=lambda a: a["scale"]) for at in layers}
    dose = [
        line(f"layer {at}", [a["scale"] for a in arms], [a["effect"] for a in arms]) for at, arms in by_layer.items()
    ]
    cost = [line(f"layer {at}", [a["kl"] for a in arms], [a["effect"] for a in arms]) for at, arms in by_layer.items()]
    y = f"effect ({value['scale']})"
    plots = [
        Plot("dose-response", "Effect against strength", "multiplier", y, dose),
        Plot("cost", "Effect against what it costs", "KL per token on neutral text (nats)", y, cost),
    ]
    arms = [
        [str(a["layer"]), f"{a['scale']:g}", interval(a["estimate"]), interval(a["effect"]), f"{a['p_holm']:.2g}",
         f"{a['kl']:.3f}"]
        for a in value["arms"]
    ]  # fmt: skip
    nulls = [
        [n["null"], n["family"], str(n["layer"]), f"{n['scale']:g}", interval(n["effect"])]
        for n in [*value["nulls"], *value["neighbors"]]
    ]
    steer = [
        [at, interval(of["mean_slope"]), interval(of["anti_steerable"]), f"{of['fit']:.2f}"]
        for at, of in value["steerability"].items()
    ]
    return Page(
        title=f"{value['behavior']}: one vector at several layers and strengths",
        lead=f"{value['model']}; effects are differences in mean {value['scale']} from the bare model on the same "
        f"{value['n']} items, with 95 % intervals.",
        verdict=value["verdict"],
        warnings=[w for w in (value["caution"], value["warning"]) if w],
        plots=plots,
        tables=[
            Table("Every arm", ["layer", "scale", value["scale"], "effect", "p (Holm)", "KL per token"], arms),
            Table("Nulls and neighbours of the same norm", ["vector", "family", "layer", "scale", "effect"], nulls),
            Table(
                "Steerability",
                ["layer", "slope of an item", "share of items against the sign", "R squared of the mean"],
                steer,
                "Least-squares slope of log-odds on the multiplier, item by item (arXiv 2407.12404).",
            ),
        ],
        methods=f"One vector was applied to the {value['tokens']} tokens at every layer and multiplier listed, "
        f"and items were scored by {value['score']}. P values are of paired t tests, corrected by Holm over all arms. "
        f"{intervals_line(value)} "
        "Nulls are random directions and, where the method is installed, vectors from shuffled labels, brought to the "
        "vector's norm; of each the largest effect over the layers counts, as of the vector. Vectors of other "
        "behaviours are neighbours, not nulls.",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )
