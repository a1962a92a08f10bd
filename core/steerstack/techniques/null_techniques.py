"""Null techniques: the same pipeline with nothing to learn from."""

from dataclasses import dataclass, replace
from typing import Any

from steerstack.catalog.data import other_behaviors
from steerstack.catalog.lookup import find
from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.null_vectors import APART
from steerstack.techniques.technique import Steering, Treatment
from steerstack.trace.model import Model

NULL, NEIGHBOR = "null: ", "neighbor: "
"""How the names of null techniques begin, and those of other behaviours' vectors, which are no nulls."""


@dataclass(frozen=True)
class NullSteering(Steering):
    """A vector that knows nothing of the behaviour, or is that of another one, chosen and measured like any other.

    Its strengths are the same shares of the residual norm, so that it has the norm of the others.

    Attributes
    ----------
    draw:
        Which of the nulls of its kind it is: each is drawn by a seed of its own.
    other:
        Data of another behaviour, whose vector it is; None for the method's own null (random, shuffled labels).
    """

    draw: int = 0
    other: DataSet | None = None

    @property
    def name(self) -> str:
        """``null: `` or ``neighbor: ``, and what it is; nulls after the first have a number."""
        number = f" {self.draw}" if self.draw else ""
        return f"{NEIGHBOR}{self.other.behavior}" if self.other else f"{NULL}{super().name}{number}"

    def describe(self) -> dict[str, object]:
        """As of any vector, with the other data's digest."""
        return {**super().describe(), "other": self.other.digest if self.other else None}

    def fit(self, model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, seed: int) -> Treatment:
        """As of any vector; what is random is drawn by the study's seed, and the vector is not kept."""
        takes_seed = "seed" in type(self.method).model_fields
        method = self.method.model_copy(update={"seed": seed + self.draw * APART}) if takes_seed else self.method
        treatment = super(NullSteering, replace(self, method=method)).fit(model, train, validation, mode, seed)
        return replace(treatment, vector=None)

    def find(self, model: Model, train: DataSet) -> SteeringVector:
        """From the other behaviour's items, as many as there are of this one."""
        return super().find(model, self.other.limit(len(train)) if self.other else train)


def null_techniques(behavior: str, count: int = 1, **options: Any) -> list[Steering]:
    """Random directions, shuffled labels, and, as a neighbour, the vector of one other shipped behaviour.

    Parameters
    ----------
    behavior:
        The behaviour that they must know nothing of.
    count:
        Random directions and shuffled labels, each.
    options:
        Of :class:`~steerstack.techniques.technique.Steering`: the same as for the real vectors.
    """
    nulls = [
        NullSteering(find("extractor", name).make(), **options, draw=draw)
        for draw in range(count)
        for name in ("random", "shuffled-labels")
    ]
    method = find("extractor", "mean-difference").make()
    return [*nulls, *(NullSteering(method, **options, other=o) for o in other_behaviors(behavior, 1))]


def family_of(name: str) -> str:
    """The family of a null technique, by its name, such as ``shuffled labels``; empty for all others."""
    return name.removeprefix(NULL).rstrip(" 0123456789").replace("-", " ") if name.startswith(NULL) else ""


def is_reference(name: str) -> bool:
    """Whether a technique is a null or the vector of another behaviour: what the others are compared with."""
    return name.startswith((NULL, NEIGHBOR))
