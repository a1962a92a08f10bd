"""Steps of a study: fit a technique on some items, measure it on others, keep the values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.measure.arm import Arm
from steerstack.measure.scoring import score_data
from steerstack.run.ledger import Ledger, Name
from steerstack.run.progress import SILENT, Progress
from steerstack.run.step import Step
from steerstack.steering.vector import SteeringVector
from steerstack.techniques.technique import Steering, Technique, Treatment
from steerstack.trace.model import Model


@dataclass(frozen=True)
class FitValues:
    """A technique fitted once and measured on each data set.

    Attributes
    ----------
    values:
        For each data set by name, one value an item (log-odds, nats; per token for text).
    cost:
        Trained parameters, seconds, floating-point operations, tokens added to each prompt.
    record:
        How it was made and selected.
    failed:
        Why it could not be fitted on these items; empty where it could.
    vector:
        The vector that was found, where it is one and worth keeping.
    """

    values: Mapping[str, NDArray[np.float64]]
    cost: Mapping[str, float]
    record: Mapping[str, Any]
    failed: str = ""
    vector: SteeringVector | None = None

    @property
    def account(self) -> dict[str, object]:
        """How it was made and selected, and what that took."""
        return {**self.record, **self.cost}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], what: str) -> "FitValues":
        """From the ledger; ``what`` names the step."""
        values = {name: np.array(of) for name, of in value["values"].items()}
        vector = SteeringVector.from_json(value["vector"], what) if value["vector"] else None
        return cls(values, value["cost"], value["record"], value["failed"], vector)


@dataclass(frozen=True)
class Fit(Step):
    """Fit a technique on ``train`` and measure it on every one of ``tests``.

    Attributes
    ----------
    what:
        Its name, for people.
    technique, train, validation, tests, mode, seed:
        As of :meth:`~steerstack.techniques.technique.Technique.fit`; what it is measured on, and how.
    """

    what: str
    technique: Technique
    train: DataSet
    validation: DataSet | None
    tests: Mapping[str, DataSet]
    mode: ScoreMode
    seed: int

    @property
    def phase(self) -> str:
        """The technique's name."""
        return self.technique.name

    @property
    def code(self) -> tuple[str, ...]:
        """Of the step, and of the technique's method."""
        return (type(self).__module__, type(self.technique).__module__, *self.technique.code)

    def key(self, model: Model) -> Any:
        """Model, technique, data and seed."""
        validation = self.validation.digest if self.validation else None
        digests = [self.train.digest, validation, {name: test.digest for name, test in self.tests.items()}]
        return ["with its vector", model.fingerprint, self.technique.describe(), digests, self.mode, self.seed]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """What :class:`FitValues` holds; a technique that cannot work with these items says why."""
        (value,) = self.run_together([self], model, progress)
        return value

    def shares_with(self, other: Step) -> bool:
        """Plans on the bare model that are measured on the same items share its unsteered pass."""
        if not isinstance(other, Fit):
            return False
        plans = isinstance(self.technique, Steering) and isinstance(other.technique, Steering)
        return plans and self.mode == other.mode and self.tests is other.tests

    @classmethod
    def run_together(cls, steps: Sequence[Self], model: Model, progress: Callable[[int], None]) -> list[Any]:
        """What :class:`FitValues` holds of each: all are fitted, then all are measured."""
        outcomes: list[Treatment | str] = []
        for step in steps:
            try:
                outcomes.append(step.technique.fit(model, step.train, step.validation, step.mode, step.seed))
            except (ExtractionError, DegenerateDirectionError) as error:
                outcomes.append(error.happened)
            progress(1)
        made = [of for of in outcomes if isinstance(of, Treatment)]
        values = iter(values_on([of.arm for of in made], steps[0].tests, steps[0].mode))
        return [_failure(of) if isinstance(of, str) else _success(of, next(values)) for of in outcomes]


def _failure(why: str) -> dict[str, Any]:
    return {"failed": why, "values": {}, "cost": {}, "record": {}, "vector": None}


def _success(of: Treatment, values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    vector = of.vector.to_json() if of.vector else None
    return {"failed": "", "values": values, "cost": of.cost, "record": of.record, "vector": vector}


def fit_and_measure(
    ledger: Ledger, fits: Mapping[Name, Fit], model: Model, *, progress: Progress = SILENT
) -> dict[Name, FitValues]:
    """Fit and measure, by the name of each fit; done once for the same inputs."""
    values = ledger.each(fits, model, what="fits", progress=progress)
    return {name: FitValues.from_json(value, fits[name].what) for name, value in values.items()}


def values_of(arm: Arm, data: DataSet, mode: ScoreMode) -> NDArray[np.float64]:
    """Log-odds of every item under an arm, on the scale on which arms are compared."""
    (values,) = _values_of_each([arm], data, mode)
    return values


def _values_of_each(arms: Sequence[Arm], data: DataSet, mode: ScoreMode) -> list[NDArray[np.float64]]:
    """The same of each arm; neighbours with one model and prompt share its unsteered pass."""
    values: list[NDArray[np.float64]] = []
    for _, alike in groupby(arms, lambda arm: (id(arm.model), arm.system, arm.shots)):
        few = list(alike)
        plans = [arm.plan for arm in few]
        scores = score_data(few[0].model, data, mode, plans, system=few[0].system, shots=few[0].shots)
        values += [of.effect_scale for of in scores]
    return values


def values_on(arms: Sequence[Arm], tests: Mapping[str, DataSet], mode: ScoreMode) -> list[dict[str, list[float]]]:
    """The values of each arm for every test set by name, for the ledger."""
    by_set = {name: _values_of_each(arms, data, mode) for name, data in tests.items()}
    return [{name: of[place].tolist() for name, of in by_set.items()} for place in range(len(arms))]


@dataclass(frozen=True)
class Unsteered(Step):
    """Measure the bare model on every test set."""

    tests: Mapping[str, DataSet]
    mode: ScoreMode
    what: str = "unsteered"

    def key(self, model: Model) -> Any:
        """Model and data."""
        return [model.fingerprint, {name: test.digest for name, test in self.tests.items()}, self.mode]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """The values of every test set by name."""
        (values,) = values_on([Arm(model)], self.tests, self.mode)
        progress(1)
        return values


def unsteered(
    ledger: Ledger, model: Model, tests: Mapping[str, DataSet], mode: ScoreMode
) -> dict[str, NDArray[np.float64]]:
    """The bare model on every test set."""
    (values,) = ledger.steps([Unsteered(tests, mode)], model)
    return {name: np.array(of) for name, of in values.items()}
