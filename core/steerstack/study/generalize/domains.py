"""Two domains of one behaviour: by the unsteered model's margin, by topic, by a system prompt, by data set."""

from dataclasses import replace

import numpy as np

from steerstack.data.items import DataSet, Item
from steerstack.data.questions import ScoreMode
from steerstack.errors import StudyError
from steerstack.measure.scoring import score_data
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model


def by_margin(model: Model, data: DataSet, mode: ScoreMode) -> dict[str, DataSet]:
    """Easy and hard halves: hard are the items that the unsteered model leans away from most.

    Since halves are chosen by the unsteered score itself, effects are compared with the unsteered
    model on the same items, never with a threshold.
    """
    values = score_data(model, data, mode, [Plan()])[0].effect_scale
    median = float(np.median(values))
    easy = tuple(item for item, value in zip(data.items, values, strict=True) if value > median)
    hard = tuple(item for item, value in zip(data.items, values, strict=True) if value <= median)
    return _both({"easy": easy, "hard": hard}, data)


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
    parts = {name: tuple(i for i in data if (i.topic in hard) == (name == "hard")) for name in ("easy", "hard")}
    return _both(parts, data)


def by_number(data: DataSet, above: float) -> dict[str, DataSet]:
    """Hard are the items whose topic is a number above this: a difficulty, a grade, a count of reasoning steps."""
    try:
        numbers = [float(item.topic) for item in data]
    except ValueError:
        wrong = next(item.topic for item in data if not item.topic.replace(".", "", 1).lstrip("-").isdigit())
        raise StudyError(
            "The topics are no numbers.",
            seen=repr(wrong),
            fix="Put the difficulty into the column topic, or name topics.",
        ) from None
    hard = {item.id for item, number in zip(data, numbers, strict=True) if number > above}
    return _both(
        {name: tuple(i for i in data if (i.id in hard) == (name == "hard")) for name in ("easy", "hard")}, data
    )


def by_user(data: DataSet, words: str) -> dict[str, DataSet]:
    """The same items bare and with words of the user's before the question: who asks, in what tone."""
    spoken = tuple(replace(item, id=f"{item.id}@user", question=f"{words}\n\n{item.question}") for item in data)
    return {"bare": data, "prompted": replace(data, items=spoken, source=f"{data.source}, after words of the user's")}


def by_system(data: DataSet, system: str) -> dict[str, DataSet]:
    """The same items bare and under a system prompt: a shift of persona or of the deployment's prompt."""
    prompted = tuple(replace(item, id=f"{item.id}@system", system=system) for item in data)
    return {"bare": data, "prompted": replace(data, items=prompted, source=f"{data.source}, under a system prompt")}


def _both(parts: dict[str, tuple[Item, ...]], data: DataSet) -> dict[str, DataSet]:
    for name, items in parts.items():
        if len(items) < 10:
            raise StudyError(
                f"The {name} domain has {len(items)} items.", seen=f"{len(data)} in all", fix="Give more items."
            )
    return {name: data.take(items) for name, items in parts.items()}
