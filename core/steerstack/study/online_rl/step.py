"""Steps of the study: make an arm, and measure its reward, its behaviour and its distance from the bare model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from steerstack.contracts import Reward
from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.distance import distances
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack.measure.arm import Arm
from steerstack.measure.neutral_text import neutral_answers
from steerstack.run.step import Step
from steerstack.steering.intervention import Plan
from steerstack.study.fit_step import values_of
from steerstack.techniques import rewards
from steerstack.techniques.rewards import mode_for, rewarded
from steerstack.techniques.technique import Steering, Technique
from steerstack.trace.model import Model

TEXTS = 6
"""Neutral texts on which the distance from the bare model is measured."""


@dataclass(frozen=True)
class Outcomes:
    """What every arm is measured by.

    Attributes
    ----------
    tests, mode:
        Test items by name, and how they are scored.
    reward, sampling, samples:
        Who rewards answers, how they are sampled, and how many to each question.
    """

    tests: Mapping[str, DataSet]
    mode: ScoreMode
    reward: Reward
    sampling: Sampling
    samples: int

    @property
    def code(self) -> tuple[str, ...]:
        """Modules that measure it."""
        return (rewards.__name__, type(self.reward).__module__)

    def key(self) -> Any:
        """JSON of all that decides it."""
        digests = {name: data.digest for name, data in self.tests.items()}
        by = [self.reward.name, self.reward.parameters()]
        return [digests, self.mode, by, vars(self.sampling), self.samples]

    def of(self, arm: Arm, bare: Model) -> dict[str, Any]:
        """By test set, one value an item: ``behaviour``, ``reward``, and ``best`` of the samples' rewards."""
        outcomes: dict[str, Any] = {}
        for name, data in self.tests.items():
            mode = mode_for(self.reward, self.mode, data)
            answers = rewarded(arm, data, self.reward, mode, self.sampling, samples=self.samples, bare=bare)
            behaviour = values_of(arm, data, self.mode)
            outcomes[name] = {
                "behaviour": behaviour.tolist(), "reward": answers.mean.tolist(), "best": answers.best.tolist(),
            }  # fmt: skip
        return outcomes


def distance_of(arm: Arm, bare: Model) -> list[float]:
    """Mean KL per token (nats) from the bare model on each of :data:`TEXTS` neutral texts."""
    before = neutral_answers(bare.format, TEXTS)
    after = neutral_answers(bare.format, TEXTS, system=arm.system, shots=arm.shots)
    (cost,) = distances(bare, before, [(arm.model, after, arm.plan)])
    return list(cost.kl)


@dataclass(frozen=True)
class MeasureBare(Step):
    """Measure the bare model."""

    outcomes: Outcomes
    what: str = "the bare model"

    @property
    def code(self) -> tuple[str, ...]:
        """Of the step, and of the reward."""
        return (type(self).__module__, *self.outcomes.code)

    def key(self, model: Model) -> Any:
        """Model and outcomes."""
        return [model.fingerprint, self.outcomes.key()]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """As :meth:`Outcomes.of`."""
        values = self.outcomes.of(Arm(model), model)
        progress(1)
        return values


@dataclass(frozen=True)
class Rider:
    """A vector that is put on top of what learners made.

    Attributes
    ----------
    technique, plan:
        How it is found and chosen, and what was chosen on the bare model.
    """

    technique: Steering
    plan: Plan


@dataclass(frozen=True)
class TrainAndMeasure(Step):
    """Fit a technique, measure it, and measure it once more with a vector on top.

    Attributes
    ----------
    what:
        Its name, for people.
    technique, train, validation, seed:
        As of :meth:`~steerstack.techniques.technique.Technique.fit`.
    outcomes:
        What it is measured by.
    rider:
        The vector on top; None for none.
    """

    what: str
    technique: Technique
    train: DataSet
    validation: DataSet | None
    seed: int
    outcomes: Outcomes
    rider: Rider | None = None

    @property
    def phase(self) -> str:
        """The technique's name."""
        return self.technique.name

    @property
    def code(self) -> tuple[str, ...]:
        """Of the step, of the technique's method, and of the reward."""
        own = (type(self).__module__, type(self.technique).__module__, *self.technique.code, *self.outcomes.code)
        return own if self.rider is None else (*own, *self.rider.technique.code)

    def key(self, model: Model) -> Any:
        """Model, technique, items, seed, outcomes and the vector on top."""
        validation = self.validation.digest if self.validation else None
        rider = self.rider and [self.rider.technique.describe(), self.rider.plan.fingerprint]
        inputs = [model.fingerprint, self.technique.describe(), self.train.digest, validation, self.seed]
        return [*inputs, self.outcomes.key(), rider]

    def run(self, model: Model, progress: Callable[[int], None]) -> Any:
        """Everything that was measured; a technique that cannot work with these items says why."""
        mode = self.outcomes.mode
        try:
            treatment = self.technique.fit(model, self.train, self.validation, mode, self.seed)
        except (ExtractionError, DegenerateDirectionError) as error:
            progress(1)
            return {"failed": error.happened}
        on_top: dict[str, Any] = {}
        if self.rider is not None:
            one_set = replace(self.outcomes, tests=dict(list(self.outcomes.tests.items())[:1]))
            carried = replace(treatment.arm, plan=treatment.arm.plan >> self.rider.plan)
            on_top["transferred"] = one_set.of(carried, model)
            if treatment.arm.model is not model:  # a vector can be found anew only where the weights are others
                again = self.rider.technique.fit(treatment.arm.model, self.train, self.validation, mode, self.seed)
                on_top["refitted"] = one_set.of(replace(treatment.arm, plan=again.arm.plan), model)
        outcome = {
            "failed": "",
            "values": self.outcomes.of(treatment.arm, model),
            "kl": distance_of(treatment.arm, model),
            "cost": treatment.cost,
            "record": treatment.record,
            "vector": treatment.vector.to_json() if treatment.vector else None,
            "on_top": on_top,
        }
        progress(1)
        return outcome
