"""The page of a sweep."""

from collections.abc import Mapping
from typing import Any

from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import NULLS, Line, Mark, Plot, bare_line, line
from steerstack.report.samples import samples_tables


def sweep_page(value: Mapping[str, Any], declared: str, references: list[str]) -> Page:
    """Effect and cost of every arm, beside the nulls."""
    layers = sorted({arm["layer"] for arm in value["arms"]})
    by_layer = {at: sorted((a for a in value["arms"] if a["layer"] == at), key=lambda a: a["scale"]) for at in layers}
    shown = [(f"layer {at}", of, [_bounds(a, "effect") for a in of]) for at, of in by_layer.items()]
    dose = [line(name, [a["scale"] for a in of], effects) for name, of, effects in shown]
    cost = [
        line(name, [a["kl"] for a in of], effects, x_estimates=[_bounds(a, "kl_estimate") for a in of])
        for name, of, effects in shown
    ]
    best = max(value["arms"], key=lambda a: abs(a["effect"]["value"]))
    y, largest = f"effect ({value['scale']})", "largest of all tried"
    below = foot(value["n"], "items", value["scale"], "Ticks: nulls of the vector's norm at each layer.")
    plots = [
        Plot("dose-response", "Effect against strength", "multiplier", y, [*dose, *_nulls(value)],
             mark=Mark(largest, best["scale"], best["effect"]["value"]), foot=below),
        Plot("cost", "Effect against what it costs", "KL per token on neutral text (nats)", y, cost,
             mark=Mark(largest, best["kl"], best["effect"]["value"]),
             foot=foot(value["n"], "items", value["scale"],
                       "KL with its interval over the texts. The nulls' KL was not measured; see the figure above.")),
    ]  # fmt: skip
    arms = [
        [str(a["layer"]), f"{a['scale']:g}", interval(a["estimate"]),
         interval(a["effect"]) if a["scale"] else "0 (reference)", f"{a['p_holm']:.2g}", interval(a["kl_estimate"])]
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
            *samples_tables(value["samples"]),
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


def _bounds(arm: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An estimate of an arm; at strength 0 it is the bare model beside itself, and has no interval."""
    return dict(arm[key]) if arm["scale"] else {**arm[key], "ci_low": None, "ci_high": None}


def _nulls(value: Mapping[str, Any]) -> list[Line]:
    """Every null as a point, at the strength that it was measured at."""
    families = dict.fromkeys(null["family"] for null in value["nulls"])
    found = {name: [n for n in value["nulls"] if n["family"] == name] for name in families}
    return [
        bare_line(f"{name} ({len({n['null'] for n in of})})", [n["scale"] for n in of],
                  [n["effect"]["value"] for n in of], color=NULLS, style="faint")
        for name, of in found.items()
    ]  # fmt: skip
