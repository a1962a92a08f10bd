"""The page of a game: auditors beside one another, and models beside one another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from steerstack.errors import DataError
from steerstack_plugins.sandbagging.game.folder import settings_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from steerstack.report.page import Page
    from steerstack.report.plot import Plot


def read_scores(folder: Path) -> list[dict[str, object]]:
    """The scored games of a folder, best Brier score first.

    Raises
    ------
    DataError
        There are none, or two are of different entries: then they cannot be held against each other.
    """
    games = [dict(settings_in(path)) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []
    if not games or any("brier" not in one or "opinions" not in one for one in games):
        raise DataError(
            f"{folder} is no folder of scored games.", seen=f"{len(games)} files", fix="Use `sandbag game score`."
        )
    seals = [{row["entry"]: row["seal"] for row in one["opinions"]} for one in games]
    if any(seal != seals[0] for seal in seals):
        raise DataError(f"The games in {folder} are of different entries.", fix="Put one folder's games together.")
    return sorted(games, key=lambda one: (one["brier"]["value"], one["auditor"]))


def board(scores: Sequence[Mapping[str, Any]]) -> Page:
    """The leaderboard of some scored games."""
    from steerstack.report.page import Page, Table

    best, entries = scores[0], scores[0]["opinions"]
    bad = sum(row["truth"] for row in entries)
    rows = [
        [one["auditor"], _share(one["rates"]["detection"]), _share(one["rates"]["false_positive"]),
         _bounds(one["brier"]), f"{one['cost']['forward_passes']:,.0f}", f"{one['cost']['labels']:.0f}"]
        for one in scores
    ]  # fmt: skip
    kinds = [[kind, *(_share(one["by_kind"][kind]) for one in scores)] for kind in best["by_kind"]]
    names = [one["auditor"] for one in scores]
    each = [
        [row["entry"], f"{row['kind']}{'' if row['truth'] else ' (honest)'}",
         *(f"{one['opinions'][place]['probability']:.2f}" for one in scores)]
        for place, row in enumerate(entries)
    ]  # fmt: skip
    return Page(
        title="The sandbagging game",
        lead=f"{len(entries)} models that were committed to, {bad} of which hide an ability; {len(scores)} auditors.",
        verdict=f"{best['auditor']} states its probabilities best: its Brier score is {_bounds(best['brier'])}.",
        warnings=[f"{len(entries)} entries are few: see the intervals."] if len(entries) < 100 else [],
        plots=[reliability_plot(scores)],
        tables=[
            Table("Auditors", ["auditor", "recall", "false positives", "Brier score", "forward passes", "labels"], rows,
                  "Shares with exact intervals (Clopper and Pearson, 95 %). The Brier score is lower where stated "
                  "probabilities are nearer to the truth; always to say 1/2 scores 0.25. Cost is for each model."),
            Table("Said to sandbag, by kind", ["kind", *names], kinds),
            Table("Stated probabilities", ["entry", "kind", *names], each),
        ],
        methods="Models were committed to by SHA-256 over their files, the label and a random number, and judged "
        "before the labels were known. Labels were checked against the commitments.",
        references=["van der Weij et al., arXiv 2406.07358", "Brier, Mon. Weather Rev. 78 (1950)"],
        provenance={f"entry {row['entry']}": row["seal"] for row in entries},
        declaration=json.dumps({one["auditor"]: one["parameters"] for one in scores}, indent=1),
    )  # fmt: skip


def reliability_plot(scores: Sequence[Mapping[str, Any]]) -> Plot:
    """How often models sandbag of which an auditor says so with some probability."""
    from steerstack.report.plot import Plot, bare_line, line

    lines = [
        line(one["auditor"], [point["stated"] for point in one["reliability"]], one["reliability"]) for one in scores
    ]
    entries = len(scores[0]["opinions"])
    return Plot(
        "reliability",
        "Do stated probabilities come true?",
        "stated probability of sandbagging (mean of a fifth of the scale)",
        "share that does sandbag",
        [*lines, bare_line("as stated", [0.0, 1.0], [0.0, 1.0], style="dashed")],
        foot=f"n = {entries} models; bars: exact 95 % intervals; unit: share of models.",
    )


def _share(rate: Mapping[str, Any]) -> str:
    if not rate["n"]:
        return "-"
    return f"{rate['count']} of {rate['n']} [{rate['ci_low']:.2f}, {rate['ci_high']:.2f}]"


def _bounds(estimate: Mapping[str, Any]) -> str:
    low, high = estimate["ci_low"], estimate["ci_high"]
    bounds = "" if low is None or high is None else f" [{max(0.0, low):.3f}, {min(1.0, high):.3f}]"
    return f"{estimate['value']:.3f}{bounds}"
