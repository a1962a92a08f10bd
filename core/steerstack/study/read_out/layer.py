"""What is found at one layer: reading, steering, and whether one goes with the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike, NDArray

from steerstack.report.page import interval
from steerstack.stats import rank_p
from steerstack.stats.comparisons import ALPHA
from steerstack.stats.correlation import spearman
from steerstack.stats.estimate import TOO_FEW, Estimate
from steerstack.stats.estimates import mean

Outcome = Literal["steers", "steers the other way", "does not steer", "not resolved"]

_SAID: dict[Outcome, str] = {
    "steers": "steers",
    "steers the other way": "steers against the behaviour when added",
    "does not steer": "does not steer",
    "not resolved": "is not shown to steer or not to",
}

PerItem = Float[NDArray[np.float64], " item"]
"""Change of each item's log-odds, in nats (per token where scored by text)."""


@dataclass(frozen=True)
class LayerReadOut:
    """One layer.

    Attributes
    ----------
    layer, scale:
        Which, and the multiplier of the direction.
    read:
        AUROC of the projection on the direction between the two answers of the test items.
    added:
        Mean change of the log-odds with the direction added.
    tracks:
        Spearman's correlation over items of the projection at the prompt's last token, and that change.
    erased:
        Mean change of the log-odds with the direction projected out.
    random:
        The same of each random direction.
    p:
        Of ``erased`` among ``random`` by absolute size: (1 + b) / (N + 1).
    outcome:
        By an interval of ``added`` that allows for the number of layers (Bonferroni): steers where it lies above 0
        and not inside the margin, ``does not steer`` where it lies inside the margin.
    """

    layer: int
    scale: float
    read: Estimate
    added: Estimate
    tracks: Estimate
    erased: Estimate
    random: Sequence[float]
    p: float
    outcome: Outcome

    @classmethod
    def of(
        cls, layer: int, *, scale: float, read: Estimate, positions: PerItem, added: PerItem, erased: PerItem,
        random: Sequence[PerItem], groups: ArrayLike | None, margin: float, family: int,
    ) -> LayerReadOut:  # fmt: skip
        """From what was measured of each item; ``family`` is the number of layers that the study looks at."""
        wide = mean(added, groups=groups, level=1 - ALPHA / family)
        means = [float(np.mean(one)) for one in random]
        outcome: Outcome = "not resolved"
        if len(added) >= TOO_FEW:
            if -margin < wide.ci_low and wide.ci_high < margin:
                outcome = "does not steer"
            elif wide.excludes_zero:
                outcome = "steers" if wide.value > 0 else "steers the other way"
        whole = mean(erased, groups=groups)
        return cls(
            layer, scale, read, mean(added, groups=groups), spearman(positions, added, groups=groups), whole, means,
            rank_p(whole.value, means), outcome,
        )  # fmt: skip

    @property
    def reads(self) -> bool:
        """Whether the direction tells the answers apart: the whole interval lies above one half."""
        return self.read.n >= TOO_FEW and self.read.ci_low > 0.5

    @property
    def area(self) -> str:
        """The AUROC with its interval."""
        return f"{self.read.value:.2f} [{self.read.ci_low:.2f}, {self.read.ci_high:.2f}]"

    @property
    def rank(self) -> int:
        """Place of the erasure among the random ones by absolute size, 1 for the largest of all."""
        return 1 + sum(abs(one) >= abs(self.erased.value) for one in self.random)

    @property
    def sentence(self) -> str:
        """In words."""
        reads = "reads the behaviour" if self.reads else "is not shown to read the behaviour"
        link = "and" if self.reads == (self.outcome == "steers") else "but"
        tracks = (
            f"item by item the two correlate at {interval(self.tracks)}"
            if np.isfinite(self.tracks.value)
            else "item by item one of the two does not vary"
        )
        return (
            f"At layer {self.layer} the direction {reads} (AUROC {self.area}) {link} {_SAID[self.outcome]} "
            f"({interval(self.added)}); {tracks}; erased it moves the behaviour by {interval(self.erased)}, place "
            f"{self.rank} of {len(self.random) + 1} with random directions (p = {self.p:.2g})."
        )

    def to_json(self) -> dict[str, object]:
        """As the JSON results hold it."""
        estimates = {name: getattr(self, name).to_json() for name in ("read", "added", "tracks", "erased")}
        return {
            "layer": self.layer,
            "scale": self.scale,
            **estimates,
            "random_erasures": list(self.random),
            "rank": self.rank,
            "p": self.p,
            "reads": self.reads,
            "outcome": self.outcome,
        }
