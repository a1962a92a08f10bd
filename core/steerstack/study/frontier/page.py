"""The page of a frontier study."""

from collections.abc import Callable, Mapping
from typing import Any

from steerstack.report.page import Page, Table, foot, interval, intervals_line, provenance
from steerstack.report.plot import Line, Plot
from steerstack.report.samples import samples_tables
from steerstack.techniques.figure import technique_line


def frontier_page(value: Mapping[str, Any], declared: str, references: list[str]) -> Page:
    """Effect against KL, perplexity and knowledge, and every comparison at equal KL."""
    study = value["declared"]
    points = [p for p in value["points"] if not p["matched"]]
    effect = f"effect ({value['scale']})"
    below = foot(value["n_test"], "locked test items", value["scale"], "Dashed: nulls and other behaviours' vectors.")
    plots = [
        Plot("kl", "Effect against KL", "KL per token from the bare model (nats)", effect,
             _lines(points, lambda p: p["kl"]["value"], lambda p: p["kl"]), foot=below),
        Plot("perplexity", "Effect against perplexity", "perplexity on neutral text", effect,
             _lines(points, lambda p: p["perplexity"]), foot=below),
    ]  # fmt: skip
    asked = [p for p in points if p["knowledge"]]
    if asked:
        lines = _lines(asked, lambda p: p["knowledge"]["value"], lambda p: p["knowledge"])
        plots.append(
            Plot("knowledge", "Effect against knowledge", "share of MMLU questions right", effect, lines, foot=below)
        )
    kinds = ("kl", "kl_reverse", "kl_own", "kl_own_reverse")
    rows = [
        [p["technique"], "-" if p["budget"] is None else f"{p['budget']:.3g}", p["matched"] or "",
         interval(p["effect"]), f"{p['p_holm']:.2g}", *(interval(p[kind]) for kind in kinds),
         f"{p['perplexity']:.1f}",
         interval(p["knowledge"]), interval(p["knowledge_lost"])]
        for p in [value["unsteered"], *value["points"]]
    ]  # fmt: skip
    matches = [
        [m["vector"], m["baseline"], f"{m['kl']:.3f}", interval(m["vector_minus_baseline"])] for m in value["matches"]
    ]
    columns = ["technique", "held at", "the KL of", "effect", "p (Holm)", "KL per token", "in reverse",
               "on own answers", "these in reverse", "perplexity", "knowledge", "knowledge lost"]  # fmt: skip
    return Page(
        title=f"{value['behavior']}: what does each technique gain, at what cost?",
        lead=f"{value['model']}; effects are differences in mean {value['scale']} from the bare model on the same "
        f"{value['n_test']} locked test items, with 95 % intervals.",
        verdict=value["verdict"],
        warnings=[w for w in [value["warning"], *value["failed"]] if w],
        plots=plots,
        tables=[
            Table("Every point", columns, rows, _COSTS),
            Table("At equal KL", ["vector", "baseline", "KL per token", "vector minus baseline"], matches),
            *samples_tables(value["samples"]),
        ],
        methods=f"Items were split by question (seed {study['seed']}). Every vector was found on the training items "
        "and its layer chosen on validation at the middle budget; its strength was then calibrated to "
        f"{', '.join(f'{b:g}' for b in study['budgets'])} nats of KL per token from the bare model, and to the KL of "
        "each baseline. Baselines were tuned on the same items and have the cost that they have. P values are of "
        f"paired t tests, corrected by Holm over all points. {intervals_line(value)}",
        references=references,
        provenance=provenance(value),
        declaration=declared,
    )


_COSTS = (
    "Costs are against the bare model, on neutral paragraphs as answers in a conversation, and on the bare model's own "
    "answers to test questions. KL per token is KL(condition || bare); in reverse it is KL(bare || condition)."
)


def _lines(points: list[Any], cost: Callable[[Any], float], bounds: Callable[[Any], Any] | None = None) -> list[Line]:
    names = dict.fromkeys(p["technique"] for p in points)
    mine = {name: sorted((p for p in points if p["technique"] == name), key=cost) for name in names}
    return [
        technique_line(name, [cost(p) for p in of], [p["effect"] for p in of],
                       x_estimates=[bounds(p) for p in of] if bounds else ())
        for name, of in mine.items()
    ]  # fmt: skip
