"""Does the model answer by content, or by the letter? OneOrder before any letter is believed."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from steerstack.data.items import DataSet
from steerstack.measure.scoring import ArmScores, score_data
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

LIMIT = 60
"""Items that the check reads when the result itself is not scored by letter."""


@dataclass(frozen=True)
class Competence:
    """How an unsteered model reacts when the two options of each item change places.

    Attributes
    ----------
    swap_consistency:
        Share of items where the same *content* is preferred in both orders; None for items
        that have no second order. 0.5 is what a coin gives.
    letter_bias:
        Share of questions in which the first-listed answer's letter is preferred.
    content_share:
        Share of the variance of the log-odds that content explains rather than position:
        ``var(mean over orders) / (var(mean over orders) + mean squared half-difference)``.
    """

    swap_consistency: Estimate | None
    letter_bias: float | None
    content_share: float | None

    @property
    def answers_by(self) -> str:
        """``content``, ``letter`` or ``unclear``, by whether 0.5 lies in the interval."""
        if self.swap_consistency is None:
            return "unknown"
        if self.swap_consistency.ci_low > 0.5:
            return "content"
        return "letter" if self.swap_consistency.value <= 0.5 else "unclear"

    def warning(self, mode: str) -> str | None:
        """What to tell the reader of a letter-scored result; None where there is nothing to say."""
        if mode == "text" or self.answers_by in ("content", "unknown"):
            return None
        assert self.swap_consistency is not None
        return (
            f"This model answers these items by {'position' if self.answers_by == 'letter' else 'chance'}, not by "
            f"content: it keeps its choice in {self.swap_consistency.value:.0%} of items when the options are "
            f"swapped. A {mode} score that does not move says nothing about the vector; use --score text."
        )

    def to_json(self) -> dict[str, Any]:
        """As the JSON results hold it."""
        consistency = self.swap_consistency
        return {
            "swap_consistency": consistency.value if consistency else None,
            "ci_low": consistency.ci_low if consistency else None,
            "ci_high": consistency.ci_high if consistency else None,
            "n": consistency.n if consistency else 0,
            "letter_bias": self.letter_bias,
            "content_share": self.content_share,
            "answers_by": self.answers_by,
        }


def judge(scores: ArmScores) -> Competence:
    """The check, from unsteered scores."""
    both = [item for item in scores.items if len(item.asked) == 2]
    if not both:
        return Competence(None, None, None)
    odds = np.array([[asked.log_odds for asked in item.asked] for item in both])
    first_listed = np.array([1.0 if item.item.exhibits < item.item.contrast else -1.0 for item in both])
    if scores.mode == "yes-no":
        first_listed[:] = 1.0  # order 0 proposes the exhibiting answer: "Yes" is the exhibiting label
    # in order 1 the exhibiting answer stands in the other place
    chose_first = np.stack([odds[:, 0] * first_listed > 0, odds[:, 1] * -first_listed > 0], 1)
    content = float(np.var(odds.mean(1)))
    position = float(np.mean(((odds[:, 0] - odds[:, 1]) / 2) ** 2))
    share = content / (content + position) if content + position else None
    consistency = estimates.mean([float(bool(item.consistent)) for item in both])
    return Competence(consistency, float(chose_first.mean()), share)


def check_competence(model: Model, data: DataSet, *, system: str | None = None) -> Competence:
    """Run the check by letter, unsteered, on at most :data:`LIMIT` items."""
    sample = data.limit(min(len(data), LIMIT))
    return judge(score_data(model, sample, "letter", [Plan()], system=system)[0])
