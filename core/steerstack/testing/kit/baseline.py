"""What every baseline has to do, on a tiny model."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import torch

from steerstack.contracts import Baseline, Tuned
from steerstack.data.items import DataSet
from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan
from steerstack.testing.kit.base_model import left_alone, require_apart
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import planted_data, planted_model


class BaselineContract(MethodContract):
    """Checks of a baseline: ``class TestMine(BaselineContract): baseline = Mine(epochs=2)``.

    Attributes
    ----------
    baseline:
        The baseline, with parameters that make it quick.
    items:
        Items that it is trained on; it chooses on half as many others.
    """

    baseline: ClassVar[Baseline]
    items: ClassVar[int] = 16

    @property
    def subject(self) -> Baseline:
        """The baseline."""
        return self.baseline

    @property
    def model(self) -> Any:
        """The model that a copy of is trained; override it where a tiny Llama will not do."""
        return planted_model()

    @property
    def train(self) -> DataSet:
        """What it is trained on."""
        return planted_data(self.items)

    def tuned(self, seed: int = 0) -> Tuned:
        """The trained model."""
        return self.baseline.tune(self.model, self.train, planted_data(self.items // 2, first=self.items), seed=seed)

    def finished(self) -> Tuned:
        """The trained model, made by the first check that looks at one and shared with the others of the class."""
        return self.once(self.tuned)

    def log_odds(self, tuned: Tuned) -> list[float]:
        """Of each exhibiting answer against the other (nats), asked without options.

        With the system prompt, the demonstrations and the edits that go with the model.
        """
        model = tuned.model
        questions = ask(model.format, self.train, "text", system=tuned.system, shots=tuned.shots)
        pairs = [question.pair for question in questions]
        (scores,) = score(model, pairs, [tuned.plan or Plan()])
        return [scores.total(index, 0) - scores.total(index, 1) for index in range(len(pairs))]

    @check
    def test_learns_the_behaviour(self) -> None:
        """The exhibiting answers of the training items become likelier against the others."""
        bare = Tuned(self.model, 0, 0.0, {})
        before, after = (sum(self.log_odds(tuned)) / self.items for tuned in (bare, self.finished()))
        require(
            after > before, "Training does not make the behaviour likelier.", seen=f"{before:.3f} -> {after:.3f} nats"
        )

    @check
    def test_original_untouched(self) -> None:
        """The given model keeps its weights, its mode and its frozen parameters."""
        model = self.model
        with left_alone(model):
            tuned = self.tuned()
        if self.baseline.trains:
            require_apart(model, tuned.model)

    @check
    def test_result_is_ready(self) -> None:
        """The new model is frozen and in evaluation mode, and is another one by its fingerprint.

        A baseline that trains no weights returns the given model, and what is to go with it.
        """
        tuned = self.finished()
        loose = sum(p.requires_grad for p in tuned.model.module.parameters())
        require(
            not loose and not tuned.model.module.training, "The new model is not ready.", seen=f"{loose} not frozen"
        )
        if self.baseline.trains:
            require(tuned.model.fingerprint != self.model.fingerprint, "The new model is the given one.")
        else:
            require(tuned.model is self.model, "It trains no weights, and yet returns another model.")
            require(
                bool(tuned.system or tuned.shots or tuned.plan),
                "It trains no weights, and gives no system prompt, demonstrations or edits either.",
            )
        cost = (tuned.parameters, tuned.seconds, tuned.flops)
        require(min(cost) >= 0, "Its cost is negative.", seen=cost)

    @check
    def test_record_is_json(self) -> None:
        """How it was trained can be kept as JSON."""
        json.dumps(dict(self.finished().record))

    @check
    def test_repeats(self) -> None:
        """The same seed gives the same model, whatever the global random state."""
        torch.manual_seed(0)
        one = self.log_odds(self.tuned(3))
        torch.manual_seed(1)
        other = self.log_odds(self.tuned(3))
        gap = max(abs(a - b) for a, b in zip(one, other, strict=True))
        require(gap < 1e-3, "The same seed gives two models.", seen=f"largest difference {gap:.2g} nats")
