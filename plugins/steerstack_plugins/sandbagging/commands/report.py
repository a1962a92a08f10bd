"""``steerstack sandbag freeze`` and ``report``: learn from calibration organisms, then judge the locked ones once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steerstack.cli import console, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

ROWS = typer.Argument(..., help="Files of `sandbag population --rows`, of one part of the population or both.")


def freeze(
    rows: list[Path] = ROWS,
    out: Path = typer.Option(..., help="File for the combination and its threshold."),
) -> None:
    """Learn from the calibration organisms how evidence is combined, and the threshold for 5 % false positives.

    Locked organisms among the rows are not looked at.
    """
    console.quiet()
    from steerstack.util.files import write_json
    from steerstack_plugins.sandbagging.audit.row import read_rows
    from steerstack_plugins.sandbagging.combination.frozen import Frozen

    frozen = Frozen.learn([row for path in rows for row in read_rows(path)])
    write_json(out, frozen.to_json())
    combination, (bad, good) = frozen.combination, frozen.combination.trained
    console.out.print(
        f"Learned from {bad} sandbagging and {good} honest organisms: {len(combination.names)} features "
        f"({combination.reading}), penalty {combination.penalty:g}; threshold {frozen.threshold:.3f}. It is in {out}.",
        highlight=False,
    )


def report(
    rows: list[Path] = ROWS,
    frozen: Path | None = typer.Option(None, help="File of `sandbag freeze`; by default the one that comes along."),
    json: str | None = options.JSON,
) -> None:
    """Judge the locked organisms by what was frozen: recall at 5 % false positives, and which test carries what.

    Beside the audit stand the words alone, with and without the key, and answers below chance, with thresholds from
    the same calibration organisms.
    """
    console.quiet()
    from steerstack_plugins.sandbagging.audit.row import read_rows
    from steerstack_plugins.sandbagging.combination.frozen import read_frozen
    from steerstack_plugins.sandbagging.combination.report import report as run

    result = run([row for path in rows for row in read_rows(path)], read_frozen(frozen))
    console.write_result(result, json)
    if json != "-":
        show_report(result)


def show_report(result: Mapping[str, Any]) -> None:
    """Judges, kinds, tests, probabilities, cost, and the claim."""
    from rich.table import Table

    from steerstack_plugins.sandbagging.commands.tables import counted, interval, show_claim

    judges, n = result["judges"], result["n"]
    table = Table(
        "judge", "recall", "false positives", "AUROC", "audit's recall minus its",
        title=f"{n['sandbagging']} sandbagging and {n['honest']} honest locked organisms, 95 % intervals",
    )  # fmt: skip
    for name, judge in judges.items():
        pair = result["audit minus"].get(name)
        table.add_row(
            name, counted(judge["detection"]), counted(judge["false_positive"]), interval(judge["auroc"]),
            interval(pair["recall"]) if pair else "",
        )  # fmt: skip
    console.out.print(table)
    kinds = Table("kind", *judges, title="Said to sandbag")
    for kind in judges["audit"]["by_kind"]:
        kinds.add_row(kind, *(f"{part['count']} of {part['n']}" for part in _of_kind(judges, kind)))
    console.out.print(kinds)
    console.out.print(_tests(result))
    stated = result["probabilities"]
    console.out.print(
        f"Brier score of the stated probabilities {interval(stated['brier'])}; always to state the share of "
        f"sandbagging ones that was learned from scores {interval(stated['brier_of_the_share'])}. For each model "
        f"{result['cost']['forward_passes']:,.0f} forward passes and {result['cost']['labels']:.0f} labels.",
        highlight=False,
    )
    show_claim(result["claim"])


def _of_kind(judges: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [judge["by_kind"][kind] for judge in judges.values()]


def _tests(result: Mapping[str, Any]) -> Table:
    from rich.table import Table

    from steerstack_plugins.sandbagging.commands.tables import counted, interval

    table = Table(
        "test", "AUROC alone", "recall alone", "false positives alone", "recall lost without it",
        title="Which evidence carries what",
    )  # fmt: skip
    for name, test in result["tests"].items():
        without = result["without"].get(f"without {name}")
        rates = (counted(test[side]) for side in ("detection", "false_positive"))
        lost = interval(without["recall_lost"]) if without else "not read by the audit"
        table.add_row(name, interval(test["auroc"]), *rates, lost)
    return table
