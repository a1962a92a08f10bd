"""Answers of an arm, and what a reward says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.contracts import Reward, Rollout
from steerstack.data.items import DataSet
from steerstack.data.questions import Question, ScoreMode, ask, asked_words
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.errors import StudyError
from steerstack.measure.arm import Arm
from steerstack.trace.model import Model


def mode_for(reward: Reward, mode: ScoreMode | None, data: DataSet) -> ScoreMode:
    """How questions are asked: as wanted, but for a label where the reward goes by labels and nobody asked for one.

    By Yes or No where the data do so, else by letter.
    """
    if mode is None or (reward.labelled and mode == "text"):
        return "yes-no" if all(item.form == "yes-no" for item in data) else "letter"
    return mode


def rollouts(model: Model, questions: Sequence[Question], answers: Sequence[str], mode: ScoreMode) -> list[Rollout]:
    """Answers to questions, one each, as rewards take them."""
    samples = []
    for question, answer in zip(questions, answers, strict=True):
        labels = None
        if mode != "text":
            one, other = (model.tokenizer.decode(side.ids[side.answer_start :]).strip() for side in question.pair)
            labels = (one, other)
        samples.append(Rollout(question.item, asked_words(question, mode), answer.strip(), labels))
    return samples


@dataclass(frozen=True)
class Rewarded:
    """How an arm's answers to some items are rewarded.

    Attributes
    ----------
    mean:
        Mean reward of each item, over its orders and samples.
    best:
        Mean over its orders of the best sample's reward: what best-of-n would give.
    """

    mean: Float[NDArray[np.float64], " item"]
    best: Float[NDArray[np.float64], " item"]


def rewarded(
    arm: Arm, data: DataSet, reward: Reward, mode: ScoreMode, sampling: Sampling, *, samples: int, bare: Model
) -> Rewarded:
    """Sample answers to every item under an arm, and have them rewarded.

    Parameters
    ----------
    arm, data, mode:
        What answers, and what it is asked.
    reward, bare:
        Who rewards, and the model as it was before anything was trained.
    sampling, samples:
        How, and how many answers to each question in each order.

    Raises
    ------
    StudyError
        The reward can say nothing of any answer to some item.
    """
    questions = ask(arm.model.format, data, mode, system=arm.system, shots=arm.shots)
    several = [question for question in questions for _ in range(samples)]
    prompts = [question.exhibits.cut(question.exhibits.answer_start) for question in several]
    (generation,) = generate(arm.model, prompts, [arm.plan], sampling)
    texts = [str(arm.model.tokenizer.decode(list(tokens), skip_special_tokens=True)) for tokens in generation.tokens]
    values = np.asarray(reward.values(rollouts(arm.model, several, texts, mode), data, bare), dtype=np.float64)
    table = values.reshape(len(questions), samples)
    silent = [question.item.id for question, row in zip(questions, table, strict=True) if np.isnan(row).all()]
    if silent:
        raise StudyError(
            f"The reward {reward.name} says nothing of any answer to {silent[0]}.",
            seen=f"{len(silent)} of {len(questions)} questions",
            fix="Give a criterion that answers can be judged by, or sample more answers to each question.",
        )
    places = {item.id: place for place, item in enumerate(data)}
    owner = np.array([places[question.item.id] for question in questions])
    orders = np.bincount(owner, minlength=len(data))
    mean, best = (np.bincount(owner, of(table, axis=1), minlength=len(data)) / orders for of in (np.nanmean, np.nanmax))
    return Rewarded(mean, best)
