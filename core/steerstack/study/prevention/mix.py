"""Training data of which a part shows a trait and all else is good: mixed from two data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from steerstack.data.items import DataSet, Item
from steerstack.data.questions import ask
from steerstack.data.splits import Splits
from steerstack.engine.projection import projections
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.labels.subsets import subset
from steerstack.techniques.own_answers import answered_again, own_answers
from steerstack.trace.model import Model

PART = 16
"""Texts of one pass."""


@dataclass(frozen=True)
class Mix:
    """What a fine-tune learns from: the exhibiting answer of each item is the one that is trained on.

    Attributes
    ----------
    train, validation:
        Mixed alike.
    bad:
        How many of the training items show the trait.
    """

    train: DataSet
    validation: DataSet
    bad: int


def mix(trait: Splits, skill: Splits, share: float, count: int, *, seed: int) -> Mix:
    """So many items of the trait, of which a share shows it and the rest its opposite, and as many of the skill.

    By one seed the items are the same at every share, and those that show the trait at a smaller share show it at a
    larger one.
    """
    bad, good = subset(trait, count, seed=seed), subset(skill, count, seed=seed)

    def part(of: DataSet, beside: DataSet) -> tuple[DataSet, int]:
        count = round(share * len(of))
        mixed = tuple(item if rank < count else item.inverted() for rank, item in enumerate(of))
        return of.take((*mixed, *(_named(item) for item in beside))), count

    assert bad.validation is not None
    assert good.validation is not None
    (train, bad_count), (validation, _) = part(bad.train, good.train), part(bad.validation, good.validation)
    return Mix(train, validation, bad_count)


def _named(item: Item) -> Item:
    """Under a name that no item of the trait has."""
    return replace(item, id=f"skill: {item.id}", group=f"skill: {item.kin}")


def along(model: Model, data: DataSet, vector: SteeringVector, layer: int) -> dict[str, tuple[float, float]]:
    """How far each item's two answers lie along the vector beyond the model's own answer, by the item's id.

    Each number is a mean over the answer's tokens of the projection on the unit vector, minus that of the answer that
    the bare model gives (Chen et al., arXiv 2507.21509); the first is that of the exhibiting answer. Items
    to which the model says nothing are left out.
    """
    answers = own_answers(model, data, len(data), "text")
    answerable = data.take(tuple(item for item, answer in zip(data, answers, strict=True) if answer.strip()))
    own = answered_again(model.format, data, answers, "text")
    asked = ask(model.format, answerable, "text")
    sides: list[Callable[[int], TokenSequence]] = [
        lambda place: asked[place].exhibits,
        lambda place: asked[place].contrast,
        lambda place: own[place],
    ]
    projected = [_means(model, [side(place) for place in range(len(answerable))], vector, layer) for side in sides]
    return {item.id: (a - c, b - c) for item, a, b, c in zip(answerable, *projected, strict=True)}


def _means(model: Model, texts: Sequence[TokenSequence], vector: SteeringVector, layer: int) -> list[float]:
    site: Site = vector.site(layer)
    means: list[float] = []
    for at in range(0, len(texts), PART):
        part = texts[at : at + PART]
        for text, values in zip(part, projections(model, part, site, vector[layer]), strict=True):
            answer = values[text.answer_start :]
            means.append(sum(answer) / len(answer))
    return means
