"""The page of a sweep."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import NULLS, Line, Mark, Plot, bare_line, line
from steerstack.report.samples import samples_tables
from steerstack.stats.estimate import Estimate
from steerstack.study.null_test import NEIGHBOR

if TYPE_CHECKING:
    from steerstack.study.sweep.arm import SweptArm
    from steerstack.study.sweep.result import SweepResult


def sweep_page(result: SweepResult) -> Page:
    """Effect and cost of every arm, beside the nulls."""
    study, swept, n, scale = result.study, result.arms, len(result.data), scale_name(result.study.score)
    layers = sorted({arm.layer for arm in swept})
    by_layer = {at: sorted((a for a in swept if a.layer == at), key=lambda a: a.scale) for at in layers}
    lines = [(f"layer {at}", of, [_open(a, a.effect) for a in of]) for at, of in by_layer.items()]
    dose = [line(name, [a.scale for a in of], effects) for name, of, effects in lines]
    cost = [
        line(name, [a.kl.value for a in of], effects, x_estimates=[_open(a, a.kl) for a in of])
        for name, of, effects in lines
    ]
    best = max(swept, key=lambda a: abs(a.effect.value))
    y, largest = f"effect ({scale})", "largest of all tried"
    below = foot(n, "items", scale, "Ticks: nulls of the vector's norm at each layer.")
    plots = [
        Plot("dose-response", "Effect against strength", "multiplier", y, [*dose, *_nulls(result)],
             mark=Mark(largest, best.scale, best.effect.value), foot=below),
        Plot("cost", "Effect against what it costs", "KL per token on neutral text (nats)", y, cost,
             mark=Mark(largest, best.kl.value, best.effect.value),
             foot=foot(n, "items", scale,
                       "KL with its interval over the texts. The nulls' KL was not measured; see the figure above.")),
    ]  # fmt: skip
    arms = [
        [str(a.layer), f"{a.scale:g}", interval(a.estimate),
         interval(a.effect) if a.scale else "0 (reference)", f"{a.p_holm:.2g}", interval(a.kl)]
        for a in swept
    ]  # fmt: skip
    beside = sorted(result.beside, key=lambda one: one.family == NEIGHBOR)
    nulls = [[one.null, one.family, str(one.layer), f"{one.scale:g}", interval(one.effect)] for one in beside]
    steer = [[str(at), interval(of.mean), interval(of.anti), f"{of.fit:.2f}"] for at, of in result.steerability.items()]
    return Page(
        title=f"{result.behavior}: one vector at several layers and strengths",
        lead=f"{result.model.name}; effects are differences in mean {scale} from the bare model on the same "
        f"{n} items, with 95 % intervals.",
        verdict=result.verdict,
        warnings=[w for w in (result.caution, result.warning) if w],
        plots=plots,
        tables=[
            Table("Every arm", ["layer", "scale", scale, "effect", "p (Holm)", "KL per token"], arms),
            *samples_tables(result.samples),
            Table("Nulls and neighbours of the same norm", ["vector", "family", "layer", "scale", "effect"], nulls),
            Table(
                "Steerability",
                ["layer", "slope of an item", "share of items against the sign", "R squared of the mean"],
                steer,
                "Least-squares slope of log-odds on the multiplier, item by item (arXiv 2407.12404).",
            ),
        ],
        methods=f"One vector was applied to the {study.tokens} tokens at every layer and multiplier listed, "
        f"and items were scored by {study.score}. P values are of paired t tests, corrected by Holm over all arms. "
        f"{intervals_line(result.clusters)} "
        "Nulls are random directions and, where the method is installed, vectors from shuffled labels, brought to the "
        "vector's norm; of each the largest effect over the layers counts, as of the vector. Vectors of other "
        "behaviours are neighbours, not nulls.",
        references=[],
        provenance=provenance(result.model, {"data": result.data.digest}, result.vector),
        declaration=study.to_yaml(),
    )


def _open(arm: SweptArm, estimate: Estimate) -> Estimate:
    """An estimate of an arm; at strength 0 it is the bare model beside itself, and has no interval."""
    return estimate if arm.scale else replace(estimate, ci_low=-math.inf, ci_high=math.inf)


def _nulls(result: SweepResult) -> list[Line]:
    """Every null as a point, at the strength that it was measured at."""
    nulls = [one for one in result.beside if one.family != NEIGHBOR]
    families = {family: [n for n in nulls if n.family == family] for family in dict.fromkeys(n.family for n in nulls)}
    return [
        bare_line(f"{family} ({len({n.null for n in of})})", [n.scale for n in of], [n.effect.value for n in of],
                  color=NULLS, style="faint")
        for family, of in families.items()
    ]  # fmt: skip
