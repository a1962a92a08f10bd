"""Rewards: how good a sampled answer is, as a number."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from steerstack.contracts.method import Method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet, Item
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class Rollout:
    """One answer that was sampled to a question.

    Attributes
    ----------
    item:
        The item that was asked.
    words:
        What the user said, listed options and all.
    answer:
        What the model answered, without special tokens and surrounding space.
    labels:
        The labels of the exhibiting and of the other answer, where the question asks for one (a letter, Yes or No).
    """

    item: Item
    words: str
    answer: str
    labels: tuple[str, str] | None = None


class Reward(Method):
    """Says how good each sampled answer is: what online learning maximises.

    Attributes
    ----------
    labelled:
        Whether it goes by labels: questions then have to ask for a letter, or for Yes or No.
    """

    labelled: ClassVar[bool] = False

    def check_data(self, data: DataSet) -> None:
        """Refuse data that it cannot reward answers to, before anything is trained; raises DataError."""

    @abstractmethod
    def values(self, rollouts: Sequence[Rollout], data: DataSet, model: Model) -> Float[ndarray, " rollout"]:
        """The reward of each answer, one number a rollout.

        Parameters
        ----------
        rollouts:
            Answers, and what they answer. The reward of one does not depend on the others.
        data:
            The items that were asked, with the behaviour's name, polarity and prompts.
        model:
            The model as it was before anything was trained; it is left as it is.

        Returns
        -------
        ndarray
            Larger is better, in a unit of the reward's own; NaN for an answer that it can say nothing of, which
            teaches nothing then and is never taken for a zero.
        """

    def expected(self, logp: Float[ndarray, "question label"]) -> Float[ndarray, " question"] | None:
        """The expected reward of each question, where it follows from its labels' probabilities; else None.

        Parameters
        ----------
        logp:
            Log-probabilities (nats) of the exhibiting and of the other label as the next token.
        """
        del logp
        return None
