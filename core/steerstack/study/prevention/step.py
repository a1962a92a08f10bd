"""Steps of the study: measure the bare model; train an arm and measure it, with and without steering afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from steerstack.catalog.lookup import full_name
from steerstack.contracts import FineTune
from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.measure.arm import Arm
from steerstack.run.step import Step
from steerstack.steering.intervention import Plan
from steerstack.study.fit_step import values_on
from steerstack.techniques.fine_tunes import UNCHANGED, unless_unchanged
from steerstack.trace.model import Model


@dataclass(frozen=True)
class HeldOut:
    """What every arm is measured on: the locked items of trait and skill.

    Attributes
    ----------
    tests, mode:
        Items by name, and how they are scored.
    """

    tests: Mapping[str, DataSet]
    mode: ScoreMode

    def key(self) -> Any:
        """JSON of all that decides it."""
        return [{name: data.digest for name, data in self.tests.items()}, self.mode]

    def of(self, model: Model, plan: Plan | None = None) -> dict[str, list[float]]:
        """Log-odds of every item, by test set."""
        (values,) = values_on([Arm(model, plan or Plan())], self.tests, self.mode)
        return values


@dataclass(frozen=True)
class MeasureSteered(Step):
    """Measure the bare model, unsteered and steered."""

    held_out: HeldOut
    plan: Plan
    what: str = "the bare model"

    def key(self, model: Model) -> Any:
        """Model, items and plan."""
        return [model.fingerprint, self.held_out.key(), self.plan.fingerprint]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Values by test set, ``plain`` and ``steered``."""
        values = {"plain": self.held_out.of(model), "steered": self.held_out.of(model, self.plan)}
        progress(1)
        return values


@dataclass(frozen=True)
class TrainAndHoldOut(Step):
    """Train a fine-tune on mixed data and measure it on held-out items.

    Attributes
    ----------
    what:
        Its name, for people.
    finetune, train, validation, seed:
        As of :meth:`steerstack.contracts.Baseline.tune`.
    held_out:
        What it is measured on.
    afterwards:
        The plan under which it is measured once more; None for none.
    """

    what: str
    finetune: FineTune
    train: DataSet
    validation: DataSet
    seed: int
    held_out: HeldOut
    afterwards: Plan | None = None

    @property
    def phase(self) -> str:
        """The fine-tune's name."""
        return self.finetune.label

    @property
    def code(self) -> tuple[str, ...]:
        """Of the step, and of the fine-tune."""
        return (type(self).__module__, type(self.finetune).__module__)

    def key(self, model: Model) -> Any:
        """Model, fine-tune with what it is trained with, items, seed, and the plan afterwards."""
        fit = [model.fingerprint, full_name("baseline", self.finetune), self.finetune.parameters()]
        plan = self.afterwards and self.afterwards.fingerprint
        return [*fit, self.train.digest, self.validation.digest, self.seed, self.held_out.key(), plan]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Values by test set, ``plain`` and ``steered``, with the record of the training."""
        trained = self.finetune.tune(model, self.train, self.validation, seed=self.seed)
        tuned = unless_unchanged(self.finetune, trained, model)
        values = {
            "plain": self.held_out.of(tuned.model),
            "steered": None if self.afterwards is None else self.held_out.of(tuned.model, self.afterwards),
            "record": dict(trained.record),
            "cost": {"parameters": tuned.parameters, "seconds": tuned.seconds, "flops": tuned.flops},
            "unchanged": UNCHANGED in tuned.record,
        }
        progress(1)
        return values
