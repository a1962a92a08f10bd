"""A vector on top of what a learner made: how much of its effect is left."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike

from steerstack.report.words import share
from steerstack.stats.estimate import Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.stats.ratio import two_way_ratio
from steerstack.study.online_rl.comparison import Gains


@dataclass(frozen=True)
class VectorOnLearner:
    """A vector on top of a learner.

    Attributes
    ----------
    learner, origin:
        Under what, and whether the vector is that of the bare model (``transferred``) or found anew (``refitted``).
    effect:
        On the behaviour's log-odds, beyond what the learner does.
    retained:
        That effect over the vector's alone, with Fieller's interval; bounds are infinite where the vector alone has no
        measurable effect.
    reward:
        On the mean reward, beyond what the learner earns.
    """

    learner: str
    origin: str
    effect: Estimate
    retained: Estimate
    reward: Estimate

    def sentence(self, vector: str) -> str:
        """In words."""
        head = f"On top of {self.learner}, {vector} ({self.origin})"
        if not math.isfinite(self.retained.ci_low):
            return f"{head} moves log-odds by {self.effect}; alone it has no measurable effect to keep."
        return f"{head} keeps {share(self.retained)} of its effect alone."

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        numbers = {name: getattr(self, name).to_json() for name in ("effect", "retained", "reward")}
        return {"learner": self.learner, "origin": self.origin, **numbers}


def on_top(
    learner: str, origin: str, effects: Gains, alone: Gains, rewards: Gains, *, groups: ArrayLike | None
) -> VectorOnLearner:
    """What a vector does on top of a learner, from effects by seed and item: beyond the learner's, and alone."""
    ratio = two_way_ratio(effects, alone, groups=groups)
    return VectorOnLearner(learner, origin, two_way(effects, groups=groups), ratio, two_way(rewards, groups=groups))
