"""The prompts that test items are asked under, each a condition of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from steerstack.data.items import DataSet
from steerstack.data.questions import Shots
from steerstack.measure.neutral_text import paragraphs

if TYPE_CHECKING:
    from steerstack.study.gates.study import Gates

PLAIN = "plain"
"""The condition that layer and strength were chosen by."""

TURNS: Shots = (
    ("What is the capital of France?", "The capital of France is Paris."),
    ("How many days has a week?", "A week has seven days."),
)
"""Earlier turns of a conversation that have nothing to do with any behaviour."""


def conditions(study: Gates, data: DataSet) -> dict[str, tuple[DataSet, Shots]]:
    """The items of each condition by its name, and what was said before; the plain ones first."""
    text = "\n\n".join(paragraphs()[: study.context])
    return {
        PLAIN: (data, ()),
        "role": (_under(data, study.role), ()),
        "system prompt": (_under(data, study.system), ()),
        "wording": (_after(data, study.wording), ()),
        "long context": (_after(data, text), ()),
        "earlier turns": (data, TURNS),
    }


def _under(data: DataSet, system: str) -> DataSet:
    return data.take(tuple(replace(item, system=system) for item in data))


def _after(data: DataSet, words: str) -> DataSet:
    return data.take(tuple(replace(item, question=f"{words}\n\n{item.question}") for item in data))
