"""Two domains of one behaviour: by how hard items are, by topic, by a system prompt, by words of the user's."""

from dataclasses import replace

import numpy as np

from steerstack.data.items import DataSet, Item
from steerstack.data.questions import ScoreMode
from steerstack.errors import StudyError
from steerstack.techniques.labels.hardness import Measure, hardness
from steerstack.trace.model import Model


def by_hardness(model: Model, data: DataSet, by: Measure, mode: ScoreMode) -> dict[str, DataSet]:
    """Easy and hard halves, parted at the median of a measure of hardness.

    Where halves are chosen by the unsteered score itself, effects are compared with the unsteered
    model on the same items, never with a threshold.
    """
    values = hardness(model, data, by, mode)
    hard = {item.id for item, value in zip(data, values, strict=True) if value >= float(np.median(values))}
    return _parted(data, hard)


def by_topic(data: DataSet, hard: tuple[str, ...]) -> dict[str, DataSet]:
    """Hard are the items of the named topics (a grade, a level, a language), easy all others."""
    topics = {item.topic for item in data}
    unknown = [name for name in hard if name not in topics]
    if unknown or not hard:
        raise StudyError(
            f"There is no topic {unknown[0]!r}." if unknown else "No topic was named hard.",
            seen=f"topics {', '.join(sorted(topics)) or 'none'}",
            fix="Name topics of the data set (the column topic).",
        )
    return _parted(data, {item.id for item in data if item.topic in hard})


def by_number(model: Model, data: DataSet, above: float) -> dict[str, DataSet]:
    """Hard are the items whose topic is a number above this: a difficulty, a grade, a count of reasoning steps."""
    numbers = hardness(model, data, "number")
    return _parted(data, {item.id for item, number in zip(data, numbers, strict=True) if number > above})


def by_user(data: DataSet, words: str) -> dict[str, DataSet]:
    """The same items bare and with words of the user's before the question: who asks, in what tone."""
    spoken = tuple(replace(item, id=f"{item.id}@user", question=f"{words}\n\n{item.question}") for item in data)
    return {"bare": data, "prompted": replace(data, items=spoken, source=f"{data.source}, after words of the user's")}


def by_system(data: DataSet, system: str) -> dict[str, DataSet]:
    """The same items bare and under a system prompt: a shift of persona or of the deployment's prompt."""
    prompted = tuple(replace(item, id=f"{item.id}@system", system=system) for item in data)
    return {"bare": data, "prompted": replace(data, items=prompted, source=f"{data.source}, under a system prompt")}


def _parted(data: DataSet, hard: set[str]) -> dict[str, DataSet]:
    parts: dict[str, tuple[Item, ...]] = {
        name: tuple(item for item in data if (item.id in hard) == (name == "hard")) for name in ("easy", "hard")
    }
    for name, items in parts.items():
        if len(items) < 10:
            raise StudyError(
                f"The {name} domain has {len(items)} items.", seen=f"{len(data)} in all", fix="Give more items."
            )
    return {name: data.take(items) for name, items in parts.items()}
