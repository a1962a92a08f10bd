"""The tables of ``docs/explanation/sandbagging.md``, made from the rows: ``python -m tests.docs.sandbagging_tables``."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from steerstack.stats.intervals import mean_interval, proportion_interval
from steerstack_plugins.sandbagging.combination.judges import AUDIT, main_judges, partial_judges, single_judges
from steerstack_plugins.sandbagging.population.judges import compared
from steerstack_plugins.sandbagging.population.row_files import rows_of


@cache
def judged(which: str = "main") -> Mapping[str, Any]:
    """The judges of one table, learned on the calibration rows and tried on the locked ones."""
    calibration, locked = rows_of("calibration"), rows_of("locked")
    tests, beside = sorted(locked[0].values), sorted(locked[0].beside)
    judges = {
        "main": main_judges,
        "single": lambda: single_judges([*tests, *beside]),
        "partial": lambda: partial_judges(tests),
    }
    return compared({AUDIT: main_judges()[AUDIT], **judges[which]()}, calibration, locked, first=AUDIT)


def share(count: int, n: int) -> str:
    """How many of how many, with the exact interval of the share."""
    return f"{count} of {n}: {interval(proportion_interval(count, n).to_json())}"


def interval(estimate: Mapping[str, Any]) -> str:
    """A number with its interval."""
    return f"{estimate['value']:.2f} [{estimate['ci_low']:.2f}, {estimate['ci_high']:.2f}]"


def counted(rate: Mapping[str, Any]) -> str:
    """How many of how many, with the exact interval of the share."""
    return f"{rate['count']} of {rate['n']}: {interval(rate)}"


def judges_table() -> list[str]:
    """Recall and false positives of each judge, and how much more the audit finds."""
    result = judged()
    lines = [
        "| judge | recall | false positives | AUROC | recall at 5 % of the judged honest ones | the audit finds more |",
        "|---|---|---|---|---|---|",
    ]
    for name, own in result["judges"].items():
        pair = result[f"{AUDIT} minus"].get(name)
        cells = [name, counted(own["detection"]), counted(own["false_positive"]), interval(own["auroc"]),
                 interval(own["recall_at_5_percent"]), interval(pair["recall"]) if pair else ""]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def kinds_table() -> list[str]:
    """What was said of each kind."""
    judges = judged()["judges"]
    names = [AUDIT, "words and key", "words", "below chance"]
    lines = [f"| kind | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for kind in judges[AUDIT]["by_kind"]:
        cells = [counted(judges[AUDIT]["by_kind"][kind])]
        cells += [f"{judges[name]['by_kind'][kind]['count']}" for name in names[1:]]
        lines.append(f"| `{kind}` | {' | '.join(cells)} |")
    return lines


def architectures_table() -> list[str]:
    """Rates of the audit on architectures that it learned from and on others."""
    lines = ["| models | recall | false positives |", "|---|---|---|"]
    for name, own in judged()["judges"][AUDIT]["by_architecture"].items():
        lines.append(f"| {name} | {counted(own['detection'])} | {counted(own['false_positive'])} |")
    return lines


def evidence_table() -> list[str]:
    """Each test by itself, and what the audit loses without it."""
    alone, without = judged("single")["judges"], judged("partial")
    lines = ["| test | AUROC alone | recall alone | false positives alone | AUROC of the audit without it |",
             "|---|---|---|---|---|"]  # fmt: skip
    for name, own in alone.items():
        if name != AUDIT:
            rest = without["judges"].get(f"without {name}")
            cells = [f"`{name}`", interval(own["auroc"]), counted(own["detection"]), counted(own["false_positive"]),
                     interval(rest["auroc"]) if rest else "not read by it"]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def exactness_table() -> list[str]:
    """How often the joint p-value of those that know nothing of the target is small, in both parts."""
    everybody = (*rows_of("calibration"), *rows_of("locked"))
    lines = ["| organisms | joint p at most 0.05 | at most 0.01 |", "|---|---|---|"]
    for kinds in (("always-a", "guesser"), ("ignorant",)):
        p_values = [row.ignorant_p for row in everybody if row.kind in kinds]
        small = [sum(p <= level for p in p_values) for level in (0.05, 0.01)]
        who = " and ".join(f"`{kind}`" for kind in kinds)
        lines.append(f"| {who} | {' | '.join(share(count, len(p_values)) for count in small)} |")
    return lines


TRAINED = ("fine-tuning", "reinforcement", "sft-then-grpo")
"""Tests that train on right answers, in one way or another."""


def training_table() -> list[str]:
    """Mean gain of each kind of locked organism by each way of training."""
    lines = [f"| kind | {' | '.join(f'`{name}`' for name in TRAINED)} |", f"|---|{'---|' * len(TRAINED)}"]
    for kind in dict.fromkeys(row.kind for row in rows_of("locked")):
        own = [row for row in rows_of("locked") if row.kind == kind]
        gains = ([row.value(name) for row in own] for name in TRAINED)
        lines.append(f"| `{kind}` | {' | '.join(interval(mean_interval(of).to_json()) for of in gains)} |")
    return lines


TABLES = (judges_table, kinds_table, architectures_table, evidence_table, exactness_table, training_table)

if __name__ == "__main__":
    for table in TABLES:
        sys.stdout.write("\n".join(table()) + "\n\n")
