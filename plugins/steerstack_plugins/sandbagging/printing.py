"""Tables of the commands."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from steerstack.cli import console


def _interval(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    low, high = estimate["ci_low"], estimate["ci_high"]
    bounds = "" if low is None or high is None else f" [{low:.2f}, {high:.2f}]"
    return f"{estimate['value']:.2f}{bounds}"


def show_demo(result: dict[str, Any]) -> None:
    """What the organisms are, what brings the ability out, and what the probes read."""
    organisms = result["organisms"]
    made = Table("", "target, bare", "with password", "drop on target", "drop on control", "p below chance",
                 title=f"Organisms, n = {result['items']} items, chance {result['chance']:.2f}")  # fmt: skip
    for name, found in organisms.items():
        record = found["record"]
        made.add_row(
            f"{name}{'' if found['sandbags'] else ' (honest)'}",
            _interval(found["bare"]),
            _interval(found["with_password"]),
            _interval(record["induction_drop"]),
            _interval(record["control_drop"]),
            f"{found['below_chance_p']:.1g}",
        )
    console.out.print(made)
    ways = Table("gain in accuracy on the target", *organisms, title="Elicitation and noise")
    for way in next(iter(organisms.values()))["elicitation"]:
        ways.add_row(way, *(f"{found['elicitation'][way]['gain']['value']:+.2f}" for found in organisms.values()))
    ways.add_row("weight noise", *(f"{o['weight_noise']['gain_there']['value']:+.2f}" for o in organisms.values()))
    console.out.print(ways)
    probes = Table("probe", "trained on", "tested on", "against", "AUROC", "words alone", "best random", title="Probes")
    for row in result["probes"]:
        probes.add_row(
            row["probe"],
            row["trained_on"],
            row["tested_on"],
            row["against"],
            _interval(row["auroc"]),
            _interval(row["text_only_auroc"]),
            f"{row['random_direction_auroc']['max']:.2f}",
        )
    console.out.print(probes)


def show_calibration(result: dict[str, Any]) -> None:
    """The rates, by the battery and by the words alone."""
    table = Table("", "detection", "false positives", title="Organisms that set no threshold, 95 % Clopper-Pearson")
    for name, found in result["rates"].items():
        table.add_row(name, _interval(found["detection"]), _interval(found["false_positive"]))
    console.out.print(table)
    kinds = Table("kind", "judged to sandbag")
    for kind, said in result["by_kind"].items():
        kinds.add_row(kind, said)
    console.out.print(kinds)


def show_audit(result: dict[str, Any]) -> None:
    """The evidence, and the verdict where there is one."""
    table = Table("test", "value", title=f"{result['model']}: gains in accuracy on the target")
    for name, value in result["values"].items():
        table.add_row(name, f"{value:+.3f}")
    console.out.print(table)
    verdict = result["verdict"]
    if verdict is None:
        console.note("No thresholds were given, so there is no verdict: `steerstack sandbag calibrate` sets them.")
        return
    crossed = ", ".join(verdict["crossed"]) or "none"
    state = "hides an ability" if verdict["sandbags"] else "is not shown to hide an ability"
    console.out.print(
        f"The model {state}: above their thresholds: {crossed} (of {verdict['votes_needed']} needed).", highlight=False
    )
