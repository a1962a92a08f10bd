"""The reward of an answer that a judge likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import Reward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.contracts import Rollout
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class JudgeScore(Reward):
    """A judge's score, from 0 to 1, of whether an answer does what the exhibiting answer does.

    Reinforcement learning from AI feedback with the score as the reward itself (Lee et al., arXiv 2309.00267, section
    3.2). An answer on which the judge's words could not be read has no reward. A judge errs: hold it against labels
    (``steerstack metrics``) before what it rewards is believed.
    """

    name = "judge"
    paper = "arXiv 2309.00267"

    judge: str = Field("self", description="The judge: self, openai, classifier, exact, fuzzy, or a plugin's.")
    judge_parameters: dict[str, Any] = Field(default_factory=dict, description="The judge's parameters.")
    criterion: str | None = Field(
        None, description="What is asked of each answer, as a yes-or-no question; of the behaviour by default."
    )

    def values(self, rollouts: Sequence[Rollout], data: DataSet, model: Model) -> Float[ndarray, " rollout"]:
        """The scores, out of the cache where they are known; NaN where the judge could not be read."""
        from steerstack.measure.judge import judged, make_judge
        from steerstack.measure.verdict_cache import VerdictCache

        judge = make_judge(self.judge, self.judge_parameters, model)
        question = self.criterion or f"Does this answer show {data.behavior} ({data.polarity})?"
        words, answers = [one.words for one in rollouts], [one.answer for one in rollouts]
        return judged(judge, question, words, answers, cache=VerdictCache()).scores
