"""Rewards of an arm's answers: what is asked, whose answers they are, and how orders and samples are put together."""

import numpy as np
import pytest

from steerstack.contracts import Reward
from steerstack.data.questions import ask
from steerstack.engine.decode.sampling import Sampling
from steerstack.errors import StudyError
from steerstack.measure.arm import Arm
from steerstack.techniques.rewards import mode_for, rewarded, rollouts
from steerstack.testing import planted_data


class Counting(Reward):
    """Gives answers the numbers 1, 2, 3, ... and none to those that `silent` names."""

    name = "counting"
    silent: tuple[int, ...] = ()

    def values(self, rollouts, data, model):
        values = np.arange(1.0, len(rollouts) + 1)
        values[list(self.silent)] = np.nan
        return values


class Labelled(Counting):
    """Goes by labels."""

    labelled = True


def test_means_are_over_orders_and_samples_and_the_best_is_of_each_question(llama):
    data = planted_data(2)
    # two items x two orders x three samples: 1 2 3 | 4 5 6 of the first item, 7 8 9 | 10 11 12 of the second
    rewards = rewarded(Arm(llama), data, Counting(), "letter", Sampling(2, 1.0), samples=3, bare=llama)
    assert rewards.mean.tolist() == [3.5, 9.5]
    assert rewards.best.tolist() == [(3 + 6) / 2, (9 + 12) / 2]
    part = rewarded(Arm(llama), data, Counting(silent=(0, 5)), "letter", Sampling(2, 1.0), samples=3, bare=llama)
    assert part.mean.tolist() == [(2.5 + 4.5) / 2, 9.5]  # what has no reward is left out, not counted as nothing


def test_an_item_of_whose_answers_nothing_can_be_said_is_an_error(llama):
    with pytest.raises(StudyError, match="says nothing of any answer to case-001"):
        rewarded(Arm(llama), planted_data(2), Counting(silent=(1,)), "yes-no", Sampling(1, 1.0), samples=1, bare=llama)


def test_a_rollout_holds_the_words_and_the_labels_of_its_own_order(llama):
    (item,) = planted_data(1)
    questions = ask(llama.format, planted_data(1), "letter")
    first, second = rollouts(llama, questions, [" A ", "B"], "letter")
    assert (first.answer, second.answer) == ("A", "B")
    assert first.words == item.listed()
    assert second.words == item.swapped().listed()
    assert first.labels == second.labels[::-1]
    (spoken,) = rollouts(llama, ask(llama.format, planted_data(1), "text"), ["So."], "text")
    assert (spoken.words, spoken.labels) == (item.question, None)


def test_a_reward_of_labels_is_asked_for_one():
    data = planted_data(1)
    assert mode_for(Labelled(), "text", data) == "yes-no"
    assert mode_for(Labelled(), "letter", data) == "letter"
    assert mode_for(Counting(), "text", data) == "text"
    assert mode_for(Counting(), None, data) == "yes-no"
