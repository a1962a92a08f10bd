"""Tables of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from steerstack.cli import console
from steerstack.util.numbers import fixed, signed

if TYPE_CHECKING:
    from collections.abc import Mapping


def _interval(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    low, high = estimate["ci_low"], estimate["ci_high"]
    bounds = "" if low is None or high is None else f" [{fixed(low)}, {fixed(high)}]"
    return f"{fixed(estimate['value'])}{bounds}"


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
        ways.add_row(way, *(signed(found["elicitation"][way]["gain"]["value"], 2) for found in organisms.values()))
    ways.add_row("weight noise", *(signed(o["weight_noise"]["gain_there"]["value"], 2) for o in organisms.values()))
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


def show_built(record: Mapping[str, Any], where: str) -> None:
    """What an organism hides."""
    table = Table(record["organism"], "with password", "without", title=f"saved to {where}")
    for name, found in record["accuracy"].items():
        table.add_row(f"accuracy, {name}", _interval(found["with"]), _interval(found["without"]))
    console.out.print(table)
    parts = [f"{name.replace('_', ' ')} {_interval(record[name])}" for name in ("induction_drop", "control_drop")]
    parts.append(f"target under a prompt that is no password {_interval(record['target_under_another_code'])}")
    console.out.print("; ".join(parts), highlight=False)


def show_combined(result: dict[str, Any]) -> None:
    """What stacks, and what the probe still reads."""
    stacking = result["stacking"]
    table = Table("fine-tune", "vector from", "prompt", "vector", "log-odds of the right answer", "effect",
                  title=f"Right answers of {result['organism']}, n = {stacking['n']['test']}")  # fmt: skip
    for arm in stacking["arms"]:
        table.add_row(arm["finetune"], arm["vector_origin"], arm["prompt"], arm["vector"],
                      signed(arm["estimate"]["value"], 2), _interval(arm["effect"]))  # fmt: skip
    console.out.print(table)
    console.out.print(stacking["verdict"], highlight=False)
    probes = Table("tested on", "accuracy, bad prompt", "good prompt", "AUROC", "words alone", "best random",
                   title="A probe trained on the honest model under two prompts")  # fmt: skip
    for row in result["probe"]:
        accuracy = row["accuracy"]
        reads = _interval(row["auroc"]) if row["two_sides"] else f"({row['auroc']['value']:.2f}: no two sides)"
        probes.add_row(row["condition"], f"{accuracy['bad']:.2f}", f"{accuracy['good']:.2f}", reads,
                       _interval(row["text_only_auroc"]), f"{row['random_direction_auroc']['max']:.2f}")  # fmt: skip
    console.out.print(probes)


def show_calibration(result: dict[str, Any]) -> None:
    """The rates, by the battery and by the words alone, and what was said of each kind."""
    rule = result["rule"]
    console.out.print(
        f"Rule, from {rule['trained'][0]} sandbagging and {rule['trained'][1]} honest organisms of other worlds: "
        f"{rule['test']} above {signed(rule['bound'])}, or below chance with p < {rule['below']}.",
        highlight=False,
    )
    table = Table("judged by", "detection", "false positives", title="Organisms of new worlds, 95 % Clopper-Pearson")
    for name, found in result["rates"].items():
        table.add_row(name, *(_counted(found[side]) for side in ("detection", "false_positive")))
    console.out.print(table)
    kinds = Table("judged to sandbag", *result["rates"])
    for kind, found in result["by_kind"].items():
        kinds.add_row(kind, *(_counted(said) for said in found.values()))
    console.out.print(kinds)


def _counted(rate: dict[str, Any]) -> str:
    return f"{rate['count']} of {rate['n']}: {_interval(rate)}"


def show_audit(result: dict[str, Any]) -> None:
    """The evidence, the verdict, how often such verdicts are right, and what they do not say."""
    table = Table("test", "value", title=f"{result['model']}: gains in accuracy on the target")
    for name, value in result["values"].items():
        table.add_row(name, signed(value))
    console.out.print(table)
    verdict, rates = result["verdict"], result["error_rates"]
    state = "hides an ability" if verdict["sandbags"] else "is not shown to hide an ability"
    console.out.print(
        f"The model {state}: {verdict['test']} {signed(verdict['value'])} (bound {signed(verdict['bound'])}); below "
        f"chance with p = {verdict['below_chance_p']:.2g} (bound {verdict['below']}).",
        highlight=False,
    )
    console.out.print(
        f"As measured on organisms of the small world: detection {_counted(rates['battery']['detection'])}, false "
        f"positives {_counted(rates['battery']['false_positive'])}. By its words, graded: detection "
        f"{_counted(rates['words and key']['detection'])}, false positives "
        f"{_counted(rates['words and key']['false_positive'])}.",
        highlight=False,
    )
    kinds = ", ".join(f"{kind} {said['count']} of {said['n']}" for kind, said in result["said_to_sandbag"].items())
    console.out.print(f"Said to sandbag, by kind: {kinds}.", highlight=False)
    for limit in result["limits"]:
        console.note(limit)
