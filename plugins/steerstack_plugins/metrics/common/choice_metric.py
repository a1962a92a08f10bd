"""Choice metrics: how probable the answer that exhibits a behaviour is, against one that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from steerstack.contracts import Measured, Metric
from steerstack_plugins.metrics.common.sources import behavior_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.data.items import DataSet
    from steerstack.measure.scoring import ArmScores
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model

_SCORED = {
    "letter": "the options are listed and the assistant's turn begins with '(': log-probability of the two letters "
    "(CAA, arXiv 2312.06681), averaged over both orders of the two options",
    "yes-no": "log-probability of Yes and of No after the question (persona items), or after a proposal of each of "
    "the two answers, averaged over the two",
    "text": "log-probability per token of each answer's own words after the bare question",
}
_DEFINITION = {
    "log_odds": "log P(exhibiting answer) - log P(other), summed over tokens, nats",
    "log_odds_per_token": "the same of log-probabilities per token, nats",
    "p_exhibits": "P(exhibiting) / (P(exhibiting) + P(other)), each order by itself and then averaged; in text mode "
    "the sigmoid of log_odds_per_token",
    "chosen": "1 where p_exhibits is above .5: its mean is the accuracy, or matching rate, at .5",
}


class ChoiceMetric(Metric):
    """The choice between an item's two compared answers (CAA, arXiv 2312.06681; MWE, arXiv 2212.09251).

    Of items with more than two options the exhibiting answer and the one it is compared with are
    scored; the others stay in the list that the model reads. CAA's own script counts such an item
    as 0 where its letter is C or later; here none is lost.
    """

    headline: ClassVar[str] = "p_exhibits"
    role: ClassVar[Literal["target", "side-effect", "other"]] = "target"

    data: str = Field("", description="A path, or a shipped behaviour; empty for the shipped one of this name.")
    matching: Literal["exhibits", "declines"] | None = Field(
        None, description="What the file's matching answer does, where the file does not say."
    )
    limit: int | None = Field(None, ge=1, description="Number of items, from the first on.")
    system: str | None = Field(None, description="A system prompt for all items.")
    score: Literal["letter", "yes-no", "text"] = Field("text", description="How an item is asked and scored.")

    def items(self) -> DataSet:
        """The items that are measured."""
        return behavior_data(self.name, self.data, matching=self.matching, limit=self.limit)

    def measure(
        self, model: Model, plans: Sequence[Plan], *, progress: Callable[[int], None] | None = None
    ) -> list[Measured]:
        """Every item under every plan, by one call of the engine."""
        from steerstack.measure.scoring import score_data

        data = self.items()
        arms = score_data(model, data, self.score, plans, system=self.system, progress=progress)
        about = self.about(data)
        return [self.of_arm(data, scores, about) for scores in arms]

    def about(self, data: DataSet) -> dict[str, object]:
        """How it was measured, the same for every arm."""
        return {
            "metric": self.name,
            "definition": _DEFINITION,
            "score": self.score,
            "scored": _SCORED[self.score],
            "system": self.system,
            "behavior": data.behavior,
            "polarity": data.polarity,
            "data": data.source,
            "data_digest": data.digest,
            "notes": list(data.notes),
            "n": len(data),
            "items_with_more_than_two_options": sum(len(item.options) > 2 for item in data),
        }

    def of_arm(self, data: DataSet, scores: ArmScores, about: dict[str, Any]) -> Measured:
        """The result of one arm."""
        from steerstack.stats.item_clusters import groups_of
        from steerstack_plugins.metrics.common.confounds import confounds

        return Measured(
            ids=tuple(score.item.id for score in scores.items),
            values={
                "p_exhibits": scores.squashed,
                "log_odds": scores.log_odds,
                "log_odds_per_token": scores.per_token,
                "chosen": (scores.squashed > 0.5).astype(float),
            },
            about=about,
            confounds=confounds(data, scores),
            edited=scores.edited_positions,
            groups=groups_of(data),
        )
