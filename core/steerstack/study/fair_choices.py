"""Whether every technique of a study had the same number of choices, the same criterion, and how much compute."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from steerstack.techniques.null_techniques import is_reference

TIMES = 10
"""Compute that differs by more than this factor is told."""


class Chances(TypedDict):
    """What one technique tried, by what it was chosen, and what that took, as results hold it."""

    technique: str
    choices_tried: int
    criterion: str | None
    flops: NotRequired[float]
    context_tokens: NotRequired[float]
    remark: NotRequired[str]


def choices_of(records: Mapping[str, Mapping[str, Any]]) -> list[Chances]:
    """What each technique tried, from the records of how they were made.

    One that chose nothing tried one configuration, and has no criterion. Nulls and neighbours are left out. With
    ``flops`` (of making and choosing it), ``context_tokens`` (added to every prompt) and ``remark`` where recorded.
    """
    choices: list[Chances] = []
    for name, record in records.items():
        if is_reference(name):
            continue
        chances = Chances(
            technique=name, choices_tried=record.get("choices_tried", 1), criterion=record.get("criterion")
        )
        if "flops" in record:
            chances["flops"] = record["flops"]
        if "context_tokens" in record:
            chances["context_tokens"] = record["context_tokens"]
        if "remark" in record:
            chances["remark"] = record["remark"]
        choices.append(chances)
    return choices


def unequal(choices: Sequence[Chances]) -> str:
    """A warning where the techniques had unequal chances; empty where they had not."""
    if len({(one["choices_tried"], one["criterion"]) for one in choices}) < 2:
        return ""
    counts = ", ".join(
        f"{one['technique']} {one['choices_tried']} by {one['criterion'] or 'nothing'}" for one in choices
    )
    return f"The techniques did not have the same chance: choices tried were {counts}."


def compute_told(choices: Sequence[Chances]) -> str:
    """A warning where the techniques took very unequal compute; empty where they did not, or nothing is known."""
    compute = {one["technique"]: one["flops"] for one in choices if one.get("flops")}
    if not compute or max(compute.values()) <= TIMES * min(compute.values()):
        return ""
    amounts = ", ".join(f"{name} {flops:.1e}" for name, flops in compute.items())
    return f"The techniques did not take the same compute: FLOPs of making and choosing them were {amounts}."


def remarks(choices: Sequence[Chances]) -> list[str]:
    """What the techniques say of themselves, each with its name."""
    return [f"{one['technique']}: {one['remark']}" for one in choices if one.get("remark")]
