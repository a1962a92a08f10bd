"""The page of a frontier study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from steerstack.measure.scoring import scale_name
from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import Line, Plot
from steerstack.report.samples import samples_tables
from steerstack.stats.estimate import Estimate, Interval
from steerstack.techniques.figure import technique_line

if TYPE_CHECKING:
    from steerstack.study.frontier.point import PointMeasures
    from steerstack.study.frontier.result import FrontierResult


def frontier_page(result: FrontierResult) -> Page:
    """Effect against KL, perplexity and knowledge, and every comparison at equal KL."""
    study, n_test, scale = result.study, len(result.splits.test), scale_name(result.study.score)
    points = [one for one in result.measures if not one.point.matched]
    effect = f"effect ({scale})"
    below = foot(n_test, "locked test items", scale, "Dashed: nulls and other behaviours' vectors.")
    plots = [
        Plot("kl", "Effect against KL", "KL per token from the bare model (nats)", effect,
             _lines(points, lambda p: p.kl.value, lambda p: p.kl), foot=below),
        Plot("perplexity", "Effect against perplexity", "perplexity on neutral text", effect,
             _lines(points, lambda p: p.perplexity), foot=below),
    ]  # fmt: skip
    knowledge = [one for one in points if one.knowledge]
    if knowledge:
        lines = _lines(knowledge, lambda p: _knowledge(p).value, _knowledge)
        plots.append(
            Plot("knowledge", "Effect against knowledge", "share of MMLU questions right", effect, lines, foot=below)
        )
    rows = [
        [p.point.technique, "-" if p.point.budget is None else f"{p.point.budget:.3g}", p.point.matched or "",
         interval(p.effect), f"{p.p_holm:.2g}", *map(interval, p.kls), f"{p.perplexity:.1f}",
         interval(p.knowledge), interval(p.knowledge_lost)]
        for p in [result.measured(result.bare, 1.0), *result.measures]
    ]  # fmt: skip
    matches = [
        [match.vector.technique, match.baseline.technique, f"{match.kl:.3f}", interval(match.gap)]
        for match in result.matches
    ]
    columns = ["technique", "held at", "the KL of", "effect", "p (Holm)", "KL per token", "in reverse",
               "on own answers", "these in reverse", "perplexity", "knowledge", "knowledge lost"]  # fmt: skip
    return Page(
        title=f"{result.behavior}: what does each technique gain, at what cost?",
        lead=f"{result.model.name}; effects are differences in mean {scale} from the bare model on the same "
        f"{n_test} locked test items, with 95 % intervals.",
        verdict=result.verdict,
        warnings=[w for w in [result.warning, *result.left_out] if w],
        plots=plots,
        tables=[
            Table("Every point", columns, rows, _COSTS),
            Table("At equal KL", ["vector", "baseline", "KL per token", "vector minus baseline"], matches),
            *samples_tables(result.samples),
        ],
        methods=f"Items were split by question (seed {study.seed}). Every vector was found on the training items "
        "and its layer chosen on validation at the middle budget; its strength was then calibrated to "
        f"{', '.join(f'{b:g}' for b in study.budgets)} nats of KL per token from the bare model, and to the KL of "
        "each baseline. Baselines were tuned on the same items and have the cost that they have. P values are of "
        f"paired t tests, corrected by Holm over all points. {intervals_line(result.clusters)}",
        references=result.references,
        provenance=provenance(result.model, result.splits.digests),
        declaration=study.to_yaml(),
    )


_COSTS = (
    "Costs are against the bare model, on neutral paragraphs as answers in a conversation, and on the bare model's own "
    "answers to test questions. KL per token is KL(condition || bare); in reverse it is KL(bare || condition)."
)


def _knowledge(point: PointMeasures) -> Estimate:
    """Of a point whose knowledge was measured."""
    assert point.knowledge is not None
    return point.knowledge


def _lines(
    points: Sequence[PointMeasures],
    cost: Callable[[PointMeasures], float],
    bounds: Callable[[PointMeasures], Interval] | None = None,
) -> list[Line]:
    names = dict.fromkeys(one.point.technique for one in points)
    mine = {name: sorted((one for one in points if one.point.technique == name), key=cost) for name in names}
    return [
        technique_line(name, [cost(p) for p in of], [p.effect for p in of],
                       x_estimates=[bounds(p) for p in of] if bounds else ())
        for name, of in mine.items()
    ]  # fmt: skip
