"""Steps of a study: fit a technique on some items, measure it on others, keep the values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack import vector_file
from steerstack.asking import ScoreMode
from steerstack.data import DataSet
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.intervention import Plan
from steerstack.study.ledger import Ledger
from steerstack.study.scoring import score_data
from steerstack.study.step import Step
from steerstack.study.techniques import Condition, Technique
from steerstack.trace.model import Model
from steerstack.vector import SteeringVector


@dataclass(frozen=True)
class Measured:
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


@dataclass(frozen=True)
class Fit(Step):
    """Fit a technique on ``train`` and measure it on every one of ``tests``.

    Attributes
    ----------
    what:
        Its name, for people.
    technique, train, validation, tests, mode, seed:
        As of :meth:`~steerstack.study.techniques.Technique.fit`; what it is measured on, and how.
    """

    what: str
    technique: Technique
    train: DataSet
    validation: DataSet | None
    tests: Mapping[str, DataSet]
    mode: ScoreMode
    seed: int

    def key(self, model: Model) -> Any:
        """Model, technique, data and seed."""
        validation = self.validation.digest if self.validation else None
        digests = [self.train.digest, validation, {name: test.digest for name, test in self.tests.items()}]
        return ["with its vector", model.fingerprint, self.technique.describe(), digests, self.mode, self.seed]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """What :class:`Measured` holds; a technique that cannot work with these items says why."""
        try:
            condition = self.technique.fit(model, self.train, self.validation, self.mode, self.seed)
        except (ExtractionError, DegenerateDirectionError) as error:
            progress(1)
            return {"failed": error.happened, "values": {}, "cost": {}, "record": {}, "vector": None}
        values = {name: values_of(condition, test, self.mode).tolist() for name, test in self.tests.items()}
        progress(1)
        return {
            "failed": "",
            "values": values,
            "cost": condition.cost,
            "record": condition.record,
            "vector": vector_file.to_json(condition.vector) if condition.vector else None,
        }


def fit_and_measure(
    ledger: Ledger,
    fits: Sequence[Fit],
    model: Model,
    *,
    on_step: Callable[[str], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Measured]:
    """Fit and measure; done once for the same inputs.

    Parameters
    ----------
    on_step:
        Told each technique's name once, when the first fit of it is begun.
    progress:
        Told how many more fits are done, those of an earlier run first.
    """
    said: set[str] = set()

    def started(step: Step) -> None:
        assert isinstance(step, Fit)
        if step.technique.name not in said:
            said.add(step.technique.name)
            on_step(step.technique.name)

    found = ledger.steps(fits, model, earlier=progress, progress=progress, started=started)
    return [
        Measured(
            {name: np.array(of) for name, of in value["values"].items()},
            value["cost"],
            value["record"],
            value["failed"],
            vector_file.from_json(value["vector"], step.what) if value["vector"] else None,
        )
        for step, value in zip(fits, found, strict=True)
    ]


def values_of(condition: Condition, data: DataSet, mode: ScoreMode) -> NDArray[np.float64]:
    """Log-odds of every item under a condition, on the scale on which arms are compared."""
    (arm,) = score_data(condition.model, data, mode, [condition.plan], system=condition.system, shots=condition.shots)
    return arm.effect_scale


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
        bare = Condition(model, Plan())
        found = {name: values_of(bare, test, self.mode).tolist() for name, test in self.tests.items()}
        progress(1)
        return found


def unsteered(
    ledger: Ledger, model: Model, tests: Mapping[str, DataSet], mode: ScoreMode
) -> dict[str, NDArray[np.float64]]:
    """The bare model on every test set."""
    (found,) = ledger.steps([Unsteered(tests, mode)], model)
    return {name: np.array(of) for name, of in found.items()}
