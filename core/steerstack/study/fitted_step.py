"""One step of a study: fit a technique on some items, measure it on others, keep the values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steerstack.asking import ScoreMode
from steerstack.data import DataSet
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.intervention import Plan
from steerstack.study.ledger import Ledger
from steerstack.study.scoring import score_data
from steerstack.study.techniques import Condition, Technique
from steerstack.trace.model import Model


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
    """

    values: Mapping[str, NDArray[np.float64]]
    cost: Mapping[str, float]
    record: Mapping[str, Any]
    failed: str = ""


def fit_and_measure(
    ledger: Ledger,
    what: str,
    technique: Technique,
    model: Model,
    train: DataSet,
    validation: DataSet | None,
    tests: Mapping[str, DataSet],
    mode: ScoreMode,
    *,
    seed: int,
) -> Measured:
    """Fit on ``train`` and measure on every one of ``tests``; done once for the same inputs."""
    digests = [train.digest, validation.digest if validation else None, {n: t.digest for n, t in tests.items()}]
    key = [model.fingerprint, technique.describe(), digests, mode, seed]

    def compute() -> dict[str, Any]:
        try:
            condition = technique.fit(model, train, validation, mode, seed)
        except (ExtractionError, DegenerateDirectionError) as error:
            return {"failed": error.happened, "values": {}, "cost": {}, "record": {}}
        return {
            "failed": "",
            "values": {name: values_of(condition, test, mode).tolist() for name, test in tests.items()},
            "cost": {
                "parameters": condition.parameters,
                "seconds": condition.seconds,
                "flops": condition.flops,
                "context_tokens": condition.context_tokens,
            },
            "record": condition.record,
        }

    found = ledger.once(what, key, compute)
    values = {name: np.array(of) for name, of in found["values"].items()}
    return Measured(values, found["cost"], found["record"], found["failed"])


def values_of(condition: Condition, data: DataSet, mode: ScoreMode) -> NDArray[np.float64]:
    """Log-odds of every item under a condition, on the scale on which arms are compared."""
    (arm,) = score_data(condition.model, data, mode, [condition.plan], system=condition.system, shots=condition.shots)
    return arm.effect_scale


def unsteered(
    ledger: Ledger, model: Model, tests: Mapping[str, DataSet], mode: ScoreMode
) -> dict[str, NDArray[np.float64]]:
    """The bare model on every test set."""
    key = [model.fingerprint, {name: test.digest for name, test in tests.items()}, mode]

    def compute() -> dict[str, list[float]]:
        bare = Condition(model, Plan())
        return {name: values_of(bare, test, mode).tolist() for name, test in tests.items()}

    return {name: np.array(of) for name, of in ledger.once("unsteered", key, compute).items()}
