"""Score a data set under arms: one value an item, the same items in every arm."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from steerstack.data.items import DataSet, Item
from steerstack.data.questions import Question, ScoreMode, Shots, ask
from steerstack.engine.score import Progress, Scores, score
from steerstack.measure.thought import ask_after_thought
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model


@dataclass(frozen=True)
class OneOrder:
    """One item asked in one order: summed log-probabilities (nats) of both answers.

    ``tokens`` are the numbers of answer tokens of the exhibiting answer and of the other.
    """

    order: int
    logp_exhibits: float
    logp_not: float
    tokens: tuple[int, int]

    @property
    def log_odds(self) -> float:
        """Exhibits minus not, of summed log-probabilities."""
        return self.logp_exhibits - self.logp_not

    @property
    def per_token(self) -> float:
        """Exhibits minus not, of log-probabilities per token."""
        return self.logp_exhibits / self.tokens[0] - self.logp_not / self.tokens[1]


@dataclass(frozen=True)
class ItemScore:
    """One item under one arm, averaged over the orders in which it was asked."""

    item: Item
    asked: tuple[OneOrder, ...]

    def mean(self, name: str) -> float:
        """Mean over the orders of one of the values of :class:`OneOrder`."""
        return float(np.mean([getattr(order, name) for order in self.asked]))

    @property
    def p_exhibits(self) -> float:
        """Probability of the exhibiting answer among the two, averaged over the orders."""
        return float(estimates.sigmoid([order.log_odds for order in self.asked]).mean())

    @property
    def consistent(self) -> bool | None:
        """Whether the same answer is preferred in both orders; None for a single order."""
        if len(self.asked) < 2:
            return None
        return abs(sum(np.sign(order.log_odds) for order in self.asked)) == len(self.asked)


def share_name(mode: ScoreMode) -> str:
    """What the scale between 0 and 1 is called on which arms are compared: see :attr:`ArmScores.squashed`."""
    return "sigmoid of log-odds per token" if mode == "text" else "p(exhibits)"


def scale_name(mode: ScoreMode) -> str:
    """What the scale is called on which arms are compared: answers in words differ in length, labels do not."""
    return "log-odds per token" if mode == "text" else "log-odds"


@dataclass(frozen=True)
class ArmScores:
    """All items under one arm.

    Attributes
    ----------
    items:
        In the order of the data set.
    mode:
        How they were scored.
    edited_positions:
        Number of positions that were edited, in all.
    """

    items: tuple[ItemScore, ...]
    mode: ScoreMode
    edited_positions: int

    def __repr__(self) -> str:
        return (
            f"<ArmScores: {len(self.items)} items by {self.mode}, mean log-odds {self.log_odds.mean():+.3f}, "
            f"{self.edited_positions} positions edited>"
        )

    @cached_property
    def log_odds(self) -> NDArray[np.float64]:
        """Log-odds of each item (nats), of summed log-probabilities."""
        return np.array([item.mean("log_odds") for item in self.items])

    @cached_property
    def per_token(self) -> NDArray[np.float64]:
        """Log-odds per token of each item (nats)."""
        return np.array([item.mean("per_token") for item in self.items])

    @cached_property
    def effect_scale(self) -> NDArray[np.float64]:
        """The log-odds on which arms are compared: per token for ``text``, where answers differ in length."""
        return self.per_token if self.mode == "text" else self.log_odds

    @cached_property
    def probability(self) -> NDArray[np.float64]:
        """Probability of the exhibiting answer of each item among the two, from summed log-probabilities."""
        return np.array([item.p_exhibits for item in self.items])

    @cached_property
    def squashed(self) -> NDArray[np.float64]:
        """Each item's :attr:`effect_scale` between 0 and 1: for ``text`` the sigmoid of the log-odds per token, which
        is no probability of an answer but seldom saturates; else :attr:`probability`.
        """
        return estimates.sigmoid(self.per_token) if self.mode == "text" else self.probability

    def estimate(self, groups: Sequence[int] | None = None) -> Estimate:
        """Mean log-odds; ``groups`` are the items' clusters."""
        return estimates.mean(self.log_odds, groups=groups)


def collect(questions: Sequence[Question], scores: Scores, mode: ScoreMode) -> ArmScores:
    """Gather the scores of one arm by item."""
    orders: dict[str, list[OneOrder]] = defaultdict(list)
    items: dict[str, Item] = {}
    for index, question in enumerate(questions):
        tokens = scores.tokens[index]
        sizes = (len(tokens[0]), len(tokens[1]))
        value = OneOrder(question.order, scores.total(index, 0), scores.total(index, 1), sizes)
        orders[question.item.id].append(value)
        if question.order == 0:
            items[question.item.id] = question.item
    of_items = tuple(ItemScore(item, tuple(orders[name])) for name, item in items.items())
    return ArmScores(of_items, mode, scores.edited.positions)


def score_data(
    model: Model,
    data: DataSet,
    mode: ScoreMode,
    arms: Sequence[Plan],
    *,
    system: str | None = None,
    shots: Shots = (),
    progress: Progress | None = None,
) -> list[ArmScores]:
    """Score every item of a data set under every arm.

    Parameters
    ----------
    model, data, mode:
        What is scored, and how.
    arms:
        Plans; the empty one is the unsteered arm.
    system:
        A system prompt for all items.
    progress:
        Told how many evaluations (questions x arms) are done.
    """
    if model.format.manner.reasoning == "generated":
        return [
            score_after_thought(model, data, mode, plan, system=system, shots=shots, progress=progress) for plan in arms
        ]
    questions = ask(model.format, data, mode, system=system, shots=shots)
    scores = score(
        model,
        [question.pair for question in questions],
        arms,
        progress=progress,
        names=[question.item.id for question in questions],
    )
    return [collect(questions, of_arm, mode) for of_arm in scores]


def score_after_thought(
    model: Model,
    data: DataSet,
    mode: ScoreMode,
    plan: Plan,
    *,
    system: str | None = None,
    shots: Shots = (),
    progress: Progress | None = None,
) -> ArmScores:
    """Score every item after the reasoning that the model writes under the plan: see :func:`score_data`.

    Each order of an item is reasoned about by itself, greedily.
    """
    questions = ask_after_thought(model, data, mode, plan, system=system, shots=shots)
    (scores,) = score(model, [question.pair for question in questions], [plan], progress=progress)
    return collect(questions, scores, mode)
