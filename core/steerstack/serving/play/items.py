"""The behaviour's items on the page: the first validation items, for the sliders choose and the test stays unread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.data.splits import split
from steerstack.measure.scoring import ArmScores, scale_name, score_data
from steerstack.stats import estimates
from steerstack.stats.item_clusters import groups_of

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.data.questions import ScoreMode
    from steerstack.steering.intervention import Plan
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.model import Model


@dataclass(frozen=True)
class BehaviorItems:
    """Some items of a data set, and how they are scored.

    Attributes
    ----------
    data:
        The items.
    mode:
        How they are scored.
    whole, trained:
        Digests of the data set that they are from, and of its training part.
    """

    data: DataSet
    mode: ScoreMode
    whole: str = ""
    trained: str = ""

    @classmethod
    def of(cls, data: DataSet, mode: ScoreMode, count: int) -> BehaviorItems:
        """The first validation items of a data set by the split that studies use.

        Raises
        ------
        DataError
            The data set is too small to split.
        """
        parts = split(data)
        return cls(parts.validation.limit(count), mode, data.digest, parts.train.digest)

    def about(self, vector: SteeringVector) -> dict[str, object]:
        """What the page says of them."""
        return {
            "behavior": self.data.behavior,
            "n": len(self.data),
            "unit": scale_name(self.mode),
            "score": self.mode,
            "warning": self._warning(vector),
        }

    def _warning(self, vector: SteeringVector) -> str:
        found_on = vector.origin.data_digest
        if found_on == self.whole:
            return (
                "The vector was found on the whole data set, these items among them, so their log-odds may flatter it. "
                "A stack finds it anew on training items."
            )
        if found_on == self.trained or vector.origin.behavior != self.data.behavior:
            return ""
        return "Whether the vector was found on these items is not known."

    def score(
        self, model: Model, plan: Plan, system: str | None, progress: Callable[[int], None] | None = None
    ) -> ArmScores:
        """The items under a plan."""
        return score_data(model, self.data, self.mode, [plan], system=system, progress=progress)[0]

    def compared(self, bare: ArmScores, steered: ArmScores) -> dict[str, object]:
        """Item by item and in the mean, as the page takes it; positive moves are towards the behaviour."""
        groups = groups_of(self.data)
        before, after = bare.effect_scale, steered.effect_scale
        return {
            "items": [
                {"id": of.item.id, "question": of.item.question, "unsteered": float(b), "steered": float(a)}
                for of, b, a in zip(bare.items, before, after, strict=True)
            ],
            "unsteered": estimates.mean(before, groups=groups).to_json(),
            "steered": estimates.mean(after, groups=groups).to_json(),
            "change": estimates.difference(after, before, groups=groups).to_json(),
            "edited": steered.edited_positions,
        }
