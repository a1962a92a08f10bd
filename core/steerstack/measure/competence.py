"""Does the model answer by content, or by the letter? Asked before any letter is believed."""

from dataclasses import dataclass, replace

import numpy as np

from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode
from steerstack.measure.label_mass import LabelMass, label_mass
from steerstack.measure.scoring import ArmScores, score_data
from steerstack.stats import estimates
from steerstack.stats.estimate import Estimate
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
        Share of items where the same *content* is preferred in both orders, with its exact (Clopper-Pearson)
        interval; None for items that have no second order. 0.5 is what a coin gives.
    letter_bias:
        Share of questions in which the first-listed answer's letter is preferred.
    content_share:
        Share of the variance of the log-odds that content explains rather than position:
        ``var(mean over orders) / (var(mean over orders) + mean squared half-difference)``.
    mass:
        What the labels hold of the next-token probability; None where nothing was scored by label.
    """

    swap_consistency: Estimate | None
    letter_bias: float | None
    content_share: float | None
    mass: LabelMass | None = None

    @property
    def answers_by(self) -> str:
        """``content`` or ``letter`` where the whole interval lies on one side of 0.5; else ``unclear``."""
        if self.swap_consistency is None:
            return "unknown"
        if self.swap_consistency.ci_low > 0.5:
            return "content"
        return "letter" if self.swap_consistency.ci_high < 0.5 else "unclear"

    def warning(self, mode: str) -> str | None:
        """What to tell the reader of a result by label; None where there is nothing to say."""
        if mode == "text":
            return None
        sentences = [self._of_swaps(mode), self.mass.warning() if self.mass else None]
        return " ".join(one for one in sentences if one) or None

    def _of_swaps(self, mode: str) -> str | None:
        if self.answers_by in ("content", "unknown"):
            return None
        assert self.swap_consistency is not None
        both = self.swap_consistency
        clause = f"it keeps its choice in {round(both.value * both.n)} of {both.n} items"
        if self.answers_by == "letter":
            return (
                f"This model answers these items by position, not by content: {clause} when the options are swapped. "
                f"A {mode} score that does not move says nothing about the vector; use --score text."
            )
        return (
            f"It is unclear whether this model answers these items by content: {clause} when the options are swapped, "
            f"which a coin could do too. A {mode} score that does not move may say nothing about the vector."
        )

    def to_json(self) -> dict[str, object]:
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
            "label_mass": self.mass.to_json() if self.mass else None,
        }


def judge(scores: ArmScores, form: str | None = None) -> Competence:
    """The check, from unsteered scores in an answer form."""
    mass = label_mass(scores, form)
    both = [item for item in scores.items if len(item.asked) == 2]
    if not both:
        return Competence(None, None, None, mass)
    odds = np.array([[order.log_odds for order in item.asked] for item in both])
    first_listed = np.array([1.0 if item.item.exhibits < item.item.contrast else -1.0 for item in both])
    if scores.mode == "yes-no":
        first_listed[:] = 1.0  # order 0 proposes the exhibiting answer: "Yes" is the exhibiting label
    # in order 1 the exhibiting answer stands in the other place
    chose_first = np.stack([odds[:, 0] * first_listed > 0, odds[:, 1] * -first_listed > 0], 1)
    content = float(np.var(odds.mean(1)))
    position = float(np.mean(((odds[:, 0] - odds[:, 1]) / 2) ** 2))
    share = content / (content + position) if content + position else None
    consistency = estimates.share([float(bool(item.consistent)) for item in both])
    return Competence(consistency, float(chose_first.mean()), share, mass)


def check_competence(
    model: Model, data: DataSet, mode: ScoreMode = "letter", *, system: str | None = None
) -> Competence:
    """Run the check, unsteered, on at most :data:`LIMIT` items, spread over the set.

    Parameters
    ----------
    model, data:
        What is asked.
    mode:
        How results are scored: by label, the check is run on the very questions that are; by text, or where a
        question has one order only, by letter.
    system:
        A system prompt for all items.
    """
    sample, form = data.spread(LIMIT), model.format.manner.form
    by = "letter" if mode == "text" else mode
    result = judge(score_data(model, sample, by, [Plan()], system=system)[0], form)
    if result.swap_consistency is None and by != "letter":
        by_letter = judge(score_data(model, sample, "letter", [Plan()], system=system)[0], form)
        result = replace(by_letter, mass=result.mass)
    return result
