"""The reward of an answer that is likelier under the behaviour's own prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

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
class LogOdds(Reward):
    """How much likelier the unsteered model finds an answer when told to show the behaviour than when told not to.

    ``(log p(answer | for, question) - log p(answer | against, question)) / tokens``, in nats per token: by Bayes' rule
    the log-odds that an answer was given under the prompt for the behaviour. Contrasting prompts label preferences in
    Yang et al., arXiv 2307.12950, section 3; here their difference is the reward itself. It needs no labels.
    """

    name = "log-odds"
    paper = "arXiv 2307.12950"

    positive: str | None = Field(None, description="System prompt for the behaviour; the data's first by default.")
    negative: str | None = Field(None, description="System prompt against it; the data's first by default.")

    def check_data(self, data: DataSet) -> None:
        """Refuse data without prompts where none were given; raises DataError."""
        self._prompts(data)

    def values(self, rollouts: Sequence[Rollout], data: DataSet, model: Model) -> Float[ndarray, " rollout"]:
        """Of the answers as they stand; NaN for one without a token."""
        import numpy as np

        from steerstack.data.prompts import Prompt
        from steerstack.engine.score import score
        from steerstack.steering.intervention import Plan

        prompts = self._prompts(data)
        values = np.full(len(rollouts), np.nan)
        places = [place for place, one in enumerate(rollouts) if one.answer]
        groups = []
        for place in places:
            one = rollouts[place]
            systems = ["\n\n".join(part for part in (one.item.system, prompt) if part) for prompt in prompts]
            groups.append([model.format.answers(Prompt(one.words, text), [one.answer])[0] for text in systems])
        if groups:
            (scores,) = score(model, groups, [Plan()])
            tokens = [len(group[0]) - group[0].answer_start for group in groups]
            odds = [scores.total(at, 0) - scores.total(at, 1) for at in range(len(groups))]
            values[places] = np.array(odds) / np.array(tokens)
        return values

    def _prompts(self, data: DataSet) -> tuple[str, str]:
        from steerstack.errors import DataError

        both = (
            self.positive or next(iter(data.prompts.positive), ""),
            self.negative or next(iter(data.prompts.negative), ""),
        )
        if not all(both):
            raise DataError(
                f"The reward {self.name} needs a system prompt for {data.behavior} and one against it.",
                seen=f"none in {data.source}",
                fix="Give positive and negative.",
            )
        return both
