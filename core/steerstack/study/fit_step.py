"""Steps of a study: fit a technique on some items, measure it on others, keep the values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
from steerstack.techniques.technique import Technique
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
        try:
            treatment = self.technique.fit(model, self.train, self.validation, self.mode, self.seed)
        except (ExtractionError, DegenerateDirectionError) as error:
            progress(1)
            return {"failed": error.happened, "values": {}, "cost": {}, "record": {}, "vector": None}
        values = values_on(treatment.arm, self.tests, self.mode)
        progress(1)
        return {
            "failed": "",
            "values": values,
            "cost": treatment.cost,
            "record": treatment.record,
            "vector": treatment.vector.to_json() if treatment.vector else None,
        }


def fit_and_measure(
    ledger: Ledger, fits: Mapping[Name, Fit], model: Model, *, progress: Progress = SILENT
) -> dict[Name, FitValues]:
    """Fit and measure, by the name of each fit; done once for the same inputs."""
    values = ledger.each(fits, model, what="fits", progress=progress)
    return {name: FitValues.from_json(value, fits[name].what) for name, value in values.items()}


def values_of(arm: Arm, data: DataSet, mode: ScoreMode) -> NDArray[np.float64]:
    """Log-odds of every item under an arm, on the scale on which arms are compared."""
    (scores,) = score_data(arm.model, data, mode, [arm.plan], system=arm.system, shots=arm.shots)
    return scores.effect_scale


def values_on(arm: Arm, tests: Mapping[str, DataSet], mode: ScoreMode) -> dict[str, list[float]]:
    """The same for every test set by name, for the ledger."""
    return {name: values_of(arm, data, mode).tolist() for name, data in tests.items()}


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
        values = values_on(Arm(model), self.tests, self.mode)
        progress(1)
        return values


def unsteered(
    ledger: Ledger, model: Model, tests: Mapping[str, DataSet], mode: ScoreMode
) -> dict[str, NDArray[np.float64]]:
    """The bare model on every test set."""
    (values,) = ledger.steps([Unsteered(tests, mode)], model)
    return {name: np.array(of) for name, of in values.items()}
