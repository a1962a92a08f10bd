"""Whether every technique of a study had the same number of choices, the same criterion, and how much compute."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.techniques.null_techniques import is_reference

TIMES = 10
"""Compute that differs by more than this factor is told."""

_COMPUTE = ("flops", "context_tokens")


def choices_of(records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each technique tried, by what it was chosen and what that took, from the records of how they were made.

    One that chose nothing tried one configuration, and has no criterion. Nulls and neighbours are left out. With
    ``flops`` (of making and choosing it), ``context_tokens`` (added to every prompt) and ``remark`` where recorded.
    """
    return [
        {
            "technique": name,
            "choices_tried": record.get("choices_tried", 1),
            "criterion": record.get("criterion"),
            **{key: record[key] for key in (*_COMPUTE, "remark") if key in record},
        }
        for name, record in records.items()
        if not is_reference(name)
    ]


def unequal(choices: Sequence[Mapping[str, Any]]) -> str:
    """A warning where the techniques had unequal chances; empty where they had not."""
    if len({(one["choices_tried"], one["criterion"]) for one in choices}) < 2:
        return ""
    told = ", ".join(f"{one['technique']} {one['choices_tried']} by {one['criterion'] or 'nothing'}" for one in choices)
    return f"The techniques did not have the same chance: choices tried were {told}."


def compute_told(choices: Sequence[Mapping[str, Any]]) -> str:
    """A warning where the techniques took very unequal compute; empty where they did not, or nothing is known."""
    known = {one["technique"]: one["flops"] for one in choices if one.get("flops")}
    if not known or max(known.values()) <= TIMES * min(known.values()):
        return ""
    told = ", ".join(f"{name} {flops:.1e}" for name, flops in known.items())
    return f"The techniques did not take the same compute: FLOPs of making and choosing them were {told}."


def remarks(choices: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the techniques say of themselves, each with its name."""
    return [f"{one['technique']}: {one['remark']}" for one in choices if one.get("remark")]
