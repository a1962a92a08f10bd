"""Whether every technique of a study had the same number of choices and was chosen by the same criterion."""

from collections.abc import Mapping, Sequence
from typing import Any

from steerstack.techniques.null_techniques import is_reference


def choices_of(records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What each technique tried, and by what it was chosen, from the records of how they were made.

    One that chose nothing tried one configuration, and has no criterion. Nulls and neighbours are left out.
    """
    return [
        {"technique": name, "choices_tried": record.get("choices_tried", 1), "criterion": record.get("criterion")}
        for name, record in records.items()
        if not is_reference(name)
    ]


def unequal(choices: Sequence[Mapping[str, Any]]) -> str:
    """A warning where the techniques had unequal chances; empty where they had not."""
    if len({(one["choices_tried"], one["criterion"]) for one in choices}) < 2:
        return ""
    told = ", ".join(f"{one['technique']} {one['choices_tried']} by {one['criterion'] or 'nothing'}" for one in choices)
    return f"The techniques did not have the same chance: choices tried were {told}."
