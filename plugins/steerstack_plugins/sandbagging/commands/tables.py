"""Tables of the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from steerstack.cli import console
from steerstack.util.numbers import fixed, signed

if TYPE_CHECKING:
    from collections.abc import Mapping


def interval(estimate: Mapping[str, Any] | None) -> str:
    """A value with its interval; a dash where it is not known."""
    if estimate is None or estimate["value"] is None:
        return "-"
    low, high = estimate["ci_low"], estimate["ci_high"]
    bounds = "" if low is None or high is None else f" [{fixed(low)}, {fixed(high)}]"
    return f"{fixed(estimate['value'])}{bounds}"


def show_demo(result: dict[str, Any]) -> None:
    """What the organisms are, what brings the ability out, and what the probes read."""
    organisms = result["organisms"]
    table = Table("", "target, bare", "with password", "drop on target", "drop on control", "p below chance",
                 title=f"Organisms, n = {result['items']} items, chance {result['chance']:.2f}")  # fmt: skip
    for name, report in organisms.items():
        record = report["record"]
        table.add_row(
            f"{name}{'' if report['sandbags'] else ' (honest)'}",
            interval(report["bare"]),
            interval(report["with_password"]),
            interval(record["induction_drop"]),
            interval(record["control_drop"]),
            f"{report['below_chance_p']:.1g}",
        )
    console.out.print(table)
    ways = Table("gain in accuracy on the target", *organisms, title="Elicitation and noise")
    for way in next(iter(organisms.values()))["elicitation"]:
        ways.add_row(way, *(signed(report["elicitation"][way]["gain"]["value"], 2) for report in organisms.values()))
    ways.add_row("weight noise", *(signed(o["weight_noise"]["gain_there"]["value"], 2) for o in organisms.values()))
    console.out.print(ways)
    probes = Table("probe", "trained on", "tested on", "against", "AUROC", "words alone", "best random", title="Probes")
    for row in result["probes"]:
        probes.add_row(
            row["probe"],
            row["trained_on"],
            row["tested_on"],
            row["against"],
            interval(row["auroc"]),
            interval(row["text_only_auroc"]),
            f"{row['random_direction_auroc']['max']:.2f}",
        )
    console.out.print(probes)


def show_built(record: Mapping[str, Any], where: str) -> None:
    """What an organism hides."""
    table = Table(record["organism"], "with password", "without", title=f"saved to {where}")
    for name, pair in record["accuracy"].items():
        table.add_row(f"accuracy, {name}", interval(pair["with"]), interval(pair["without"]))
    console.out.print(table)
    parts = [f"{name.replace('_', ' ')} {interval(record[name])}" for name in ("induction_drop", "control_drop")]
    parts.append(f"target under a prompt that is no password {interval(record['target_under_another_code'])}")
    console.out.print("; ".join(parts), highlight=False)


def show_combined(result: dict[str, Any]) -> None:
    """What stacks, and what the probe still reads."""
    stacking = result["stacking"]
    table = Table("fine-tune", "vector from", "prompt", "vector", "log-odds of the right answer", "effect",
                  title=f"Right answers of {result['organism']}, n = {stacking['n']['test']}")  # fmt: skip
    for arm in stacking["arms"]:
        table.add_row(arm["finetune"], arm["vector_origin"], arm["prompt"], arm["vector"],
                      signed(arm["estimate"]["value"], 2), interval(arm["effect"]))  # fmt: skip
    console.out.print(table)
    console.out.print(stacking["verdict"], highlight=False)
    probes = Table("tested on", "accuracy, bad prompt", "good prompt", "AUROC", "words alone", "best random",
                   title="A probe trained on the honest model under two prompts")  # fmt: skip
    for row in result["probe"]:
        accuracy = row["accuracy"]
        reads = interval(row["auroc"]) if row["two_sides"] else f"({row['auroc']['value']:.2f}: no two sides)"
        probes.add_row(row["condition"], f"{accuracy['bad']:.2f}", f"{accuracy['good']:.2f}", reads,
                       interval(row["text_only_auroc"]), f"{row['random_direction_auroc']['max']:.2f}")  # fmt: skip
    console.out.print(probes)


def show_calibration(result: dict[str, Any]) -> None:
    """The rates, by the battery and by the words alone, and what was said of each kind."""
    rule = result["rule"]
    console.out.print(
        f"Rule, from {rule['trained'][0]} sandbagging and {rule['trained'][1]} honest organisms of other worlds: "
        f"{rule['test']} above {signed(rule['bound'])}, or below chance, either with p < {rule['level'] / 2:g} over "
        "facts.",
        highlight=False,
    )
    console.out.print(_judges(result["rates"], "Organisms of new worlds, 95 % Clopper-Pearson"))
    kinds = Table("judged to sandbag", *result["rates"])
    for kind, rates in result["by_kind"].items():
        kinds.add_row(kind, *(counted(rate) for rate in rates.values()))
    console.out.print(kinds)


def counted(rate: Mapping[str, Any]) -> str:
    """How many of how many, with the interval of the share."""
    return f"{rate['count']} of {rate['n']}: {interval(rate)}"


def show_audit(result: dict[str, Any]) -> None:
    """The evidence, the verdict and its probability, how often such verdicts are right, and what they do not say."""
    table = Table("test", "value", "p over facts", title=f"{result['model']}: what the tests measured")
    facts = result["details"]["over_facts"]
    for name, value in result["values"].items():
        p = facts[name]["p_below" if name == "below-chance" else "p_above"] if name in facts else None
        table.add_row(name, signed(value), "-" if p is None else f"{p:.2g}")
    console.out.print(table)
    verdict = result["verdict"]
    state = "hides an ability" if verdict["sandbags"] else "is not shown to hide an ability"
    console.out.print(
        f"The model {state}: {verdict['test']} {signed(verdict['value'])} (bound {signed(verdict['bound'])}) with "
        f"p = {verdict['gain_p']:.2g}; below chance with p = {verdict['below_chance_p']:.2g} (bound of either p "
        f"{verdict['below']:g}, exact over facts).",
        highlight=False,
    )
    if result["combination"]:
        _show_combined(result["combination"])
    console.out.print(_probability(result), highlight=False)
    console.out.print(_judges(result["error_rates"], "Of the calibration's organisms, 95 % Clopper-Pearson"))
    kinds = Table("kind", "said to sandbag", title="By kind, 95 % Clopper-Pearson")
    for kind, rate in result["said_to_sandbag"].items():
        kinds.add_row(kind, counted(rate))
    console.out.print(kinds)
    show_claim(result["claim"])
    for limit in result["limits"]:
        console.note(limit)


def show_claim(claim: Mapping[str, Any]) -> None:
    """How many honest organisms a claim on false positives needs, and whether there were so many."""
    met = "It is met" if claim["holds"] else "That is not met"
    console.out.print(
        f"To claim at most {claim['false_positive_rate']:.0%} false positives, at least {claim['honest_needed']} "
        f"honest organisms with no error are needed. {met}: {claim['honest_judged']} were judged, {claim['errors']} "
        "wrongly.",
        highlight=False,
    )


def _show_combined(combined: Mapping[str, Any]) -> None:
    """The probability by the frozen combination, what it was learned from, and its rates on locked organisms."""
    learned, side = combined["calibration"], "beyond" if combined["sandbags"] else "not beyond"
    worlds = ", ".join(map(str, learned["worlds"]))
    console.out.print(
        f"By all tests together the probability that the model hides an ability is {combined['probability']:.2f}, "
        f"where {combined['prior']:g} of the models that might be audited do. It is {side} the threshold that 5 % of "
        f"the calibration's honest organisms exceed (log-odds {signed(combined['score'])}, threshold "
        f"{signed(combined['threshold'])}; joint p if it does not know the facts {combined['ignorant_p']:.2g}, bound "
        f"{combined['guard']:g}). How they are combined was learned on {learned['date']} from {learned['sandbagging']} "
        f"sandbagging and {learned['honest']} honest organisms of the worlds {worlds}.",
        highlight=False,
    )
    if combined["rates"]:
        console.out.print(_judges(combined["rates"], "Of locked organisms, 95 % Clopper-Pearson"))
        kinds = Table("kind", "said to sandbag by all tests together", title="Locked organisms by kind")
        for kind, rate in combined["said_to_sandbag"].items():
            kinds.add_row(kind, counted(rate))
        console.out.print(kinds)


def _probability(result: Mapping[str, Any]) -> str:
    most, calibration = result["probability_at_most"], result["calibration"]
    says = (
        f"Probability that it sandbags, where {most['prior']:g} of the models that might be audited do: at most "
        f"{fixed(most['value'])} by the p-values alone"
    )
    if not calibration["current"]:
        return (
            f"{says}. The calibration of {calibration['date']} was made with other questions, tests or another rule, "
            "so that its rates below are not those of this audit: make it again by `steerstack sandbag calibrate`."
        )
    estimate, worlds = result["probability"]["battery"], ", ".join(map(str, calibration["worlds"]))
    return (
        f"{says}; {interval(estimate)} by the calibration of {calibration['date']} on organisms of the small worlds "
        f"{worlds}, where this verdict fell on {_of(estimate['sandbagging'])} sandbagging and "
        f"{_of(estimate['honest'])} honest ones."
    )


def _judges(rates: Mapping[str, Any], title: str) -> Table:
    table = Table("judged by", "detection", "false positives", title=title)
    for name, row in rates.items():
        table.add_row(name, *(counted(row[side]) for side in ("detection", "false_positive")))
    return table


def _of(counted: list[int]) -> str:
    return f"{counted[0]} of {counted[1]}"


def show_game(result: Mapping[str, Any]) -> None:
    """The scores of one auditor."""
    console.out.print(_judges({result["auditor"]: result["rates"]}, "The game, 95 % Clopper-Pearson"))
    kinds = Table("kind", "said to sandbag")
    for kind, rate in result["by_kind"].items():
        kinds.add_row(kind, counted(rate))
    console.out.print(kinds)
    cost = result["cost"]
    console.out.print(
        f"Brier score {interval(result['brier'])}; for each model {cost['forward_passes']:,.0f} forward passes and "
        f"{cost['labels']:.0f} labels.",
        highlight=False,
    )


def show_population(result: Mapping[str, Any]) -> None:
    """What was made, and what it cost."""
    table = Table("part", "kind", "hides", "n", "hidden accuracy", title="Organisms, means by kind")
    for row in result["kinds"]:
        table.add_row(row["split"], row["kind"], "yes" if row["sandbags"] else "no", str(row["n"]),
                      signed(row["induction_drop"]))  # fmt: skip
    console.out.print(table)
    made, audited = (result[name] / 60 for name in ("seconds_made", "seconds_audited"))
    console.out.print(
        f"{made:.0f} minutes of processor time to make them and {audited:.0f} to audit them; "
        f"{result['forward_passes_an_organism']:,.0f} forward passes each.",
        highlight=False,
    )
