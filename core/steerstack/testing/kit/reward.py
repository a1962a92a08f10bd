"""What every reward has to do, on answers with a known label."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.contracts import Reward, Rollout
from steerstack.data.items import DataSet
from steerstack.data.questions import ask
from steerstack.techniques.rewards import rollouts
from steerstack.testing.kit.base_model import left_alone
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import planted_data, planted_model

ANSWERS = ("Yes", "No", "It depends")
"""What the questions of the contract are answered, in turn."""


class RewardContract(MethodContract):
    """Checks of a reward: ``class TestMine(RewardContract): reward = Mine()``.

    Attributes
    ----------
    reward:
        The reward, with the parameters to check it by.
    """

    reward: ClassVar[Reward]

    @property
    def subject(self) -> Reward:
        """The reward."""
        return self.reward

    @property
    def data(self) -> DataSet:
        """Items whose answers are rewarded."""
        return planted_data(6)

    @property
    def rollouts(self) -> list[Rollout]:
        """Answers to them: :data:`ANSWERS` in turn."""
        model = planted_model()
        questions = ask(model.format, self.data, "yes-no")
        answers = [ANSWERS[number % len(ANSWERS)] for number in range(len(questions))]
        return rollouts(model, questions, answers, "yes-no")

    def values(self, answers: list[Rollout] | None = None) -> Float[NDArray[np.float64], " rollout"]:
        """What it gives."""
        batch = self.rollouts if answers is None else answers
        return np.asarray(self.reward.values(batch, self.data, planted_model()), dtype=np.float64)

    @check
    def test_one_number_a_rollout(self) -> None:
        """A finite number an answer, or NaN; and some answer has a number."""
        rewards = self.values()
        require(rewards.shape == (len(self.rollouts),), "There is not one number an answer.", seen=rewards.shape)
        require(not np.isinf(rewards).any(), "A reward is infinite.", seen=rewards)
        require(bool(np.isfinite(rewards).any()), "It rewards no answer.", seen=rewards)

    @check
    def test_each_on_its_own(self) -> None:
        """An answer's reward does not depend on the answers beside it, or on its place."""
        alone = np.concatenate([self.values([one]) for one in self.rollouts])
        same = np.allclose(alone, self.values(), rtol=1e-3, atol=1e-4, equal_nan=True)
        require(same, "An answer's reward depends on the answers beside it.", seen=alone - self.values())

    @check
    def test_repeats(self) -> None:
        """Asked twice it says the same, whatever the global random state."""
        same = np.array_equal(self.values(), self.values(), equal_nan=True)
        require(same, "Asked twice, it gives two rewards.")

    @check
    def test_the_expected_reward_is_that_of_its_labels(self) -> None:
        """Where it knows the expected reward from labels, a certain label has the reward of that answer."""
        sure = np.log([[1.0, 1e-300], [1e-300, 1.0]])
        expected = self.reward.expected(sure)
        if expected is None:
            return
        one = self.rollouts[0]
        assert one.labels is not None
        batch = [Rollout(one.item, one.words, label, one.labels) for label in one.labels]
        require(
            np.allclose(expected, self.values(batch)), "The expected reward is not that of the label.", seen=expected
        )

    @check
    def test_the_model_is_left_alone(self) -> None:
        """The given model keeps its weights and its mode."""
        with left_alone(planted_model()):
            self.values()
