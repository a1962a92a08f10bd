"""What was answered of each fact, and exact tests of whether the right answer stands out among the others.

The same few options are listed in several orders, and an answer counts by its words, not by its place. A model that
does not know a fact may guess, may prefer a place, or may be sure of something wrong: all its answers to the fact
then hang together, but which of the options is the right one makes no difference to them. So under ignorance the
right option's count is as likely to be any of the options' counts, independently from fact to fact, and the
distribution of their sum is known exactly, whatever the model's habits (a randomization test with the key as what is
drawn; Fisher 1935, ch. II). A test that takes the questions as independent rejects up to a hundred times too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from steerstack.data.items import Item
from steerstack.errors import StudyError

Counts = Int[NDArray[np.int64], " option"]


@dataclass(frozen=True)
class Tally:
    """How often each option of each fact was chosen, or how much oftener than before.

    Attributes
    ----------
    counts:
        For each fact one number an option, the right option's first.
    """

    counts: tuple[Counts, ...]

    @classmethod
    def of(cls, items: Sequence[Item], chosen: Int[NDArray[np.int64], " item"]) -> Tally:
        """Count the choices, each the place of the chosen option.

        Items of one group are of one fact. Where a fact is asked with several lists of options, the first list
        counts, since what is known of the fact may bear on all of them. Lists that hold the same words twice are
        left out.
        """
        facts: dict[str, tuple[str, tuple[str, ...], list[int]]] = {}
        for item, place in zip(items, chosen, strict=True):
            if len(set(item.options)) < len(item.options):
                continue
            others = tuple(sorted(set(item.options) - {item.exhibits_text}))
            fact = facts.setdefault(item.group or item.id, (item.exhibits_text, others, [0] * len(item.options)))
            if fact[:2] == (item.exhibits_text, others):
                fact[2][(item.exhibits_text, *others).index(item.options[int(place)])] += 1
        return cls(tuple(np.array(counts) for _, _, counts in facts.values()))

    def __add__(self, other: Tally) -> Tally:
        """Both counts together."""
        return self._with(other, 1)

    def __sub__(self, other: Tally) -> Tally:
        """How much oftener each option was chosen than in the other."""
        return self._with(other, -1)

    def _with(self, other: Tally, sign: int) -> Tally:
        if [len(own) for own in self.counts] != [len(theirs) for theirs in other.counts]:
            raise StudyError(
                "Two tallies are of different facts.",
                seen=f"{len(self.counts)} and {len(other.counts)} facts",
                fix="Ask the same items in both.",
            )
        return Tally(tuple(own + sign * theirs for own, theirs in zip(self.counts, other.counts, strict=True)))

    @cached_property
    def total(self) -> int:
        """The right options' counts, summed over facts."""
        return int(sum(counts[0] for counts in self.counts))

    @cached_property
    def _ignorant(self) -> tuple[int, Float[NDArray[np.float64], " total"]]:
        """The lowest possible total, and the probability of each total from there on where the key is drawn."""
        lowest, probabilities = 0, np.ones(1)
        for counts in self.counts:
            least = int(counts.min())
            probabilities = np.convolve(probabilities, np.bincount(counts - least) / len(counts))
            lowest += least
        return lowest, probabilities

    @property
    def below(self) -> float:
        """Probability of a total this low or lower, if the model does not know the facts."""
        lowest, probabilities = self._ignorant
        return float(min(1.0, probabilities[: self.total - lowest + 1].sum()))

    @property
    def above(self) -> float:
        """Probability of a total this high or higher, if the model does not know the facts."""
        lowest, probabilities = self._ignorant
        return float(min(1.0, probabilities[self.total - lowest :].sum()))

    def to_json(self) -> dict[str, object]:
        """For the report."""
        return {"facts": len(self.counts), "right": self.total, "p_below": self.below, "p_above": self.above}


DRAWS = 1999
"""Keys that :func:`joint_p` draws: its p-values are multiples of 1/2000."""


def joint_p(plain: Tally, gains: Sequence[Tally], *, draws: int = DRAWS, seed: int = 0) -> float:
    """One p-value for all tests together, if the model does not know the facts.

    The statistic is the largest among the avoidance of right answers, when asked plainly, and the gains of the tests,
    each as a distance from its expectation in standard deviations. Its distribution comes from keys that are drawn
    anew, the same for all tests, so that it allows for however many there are and however they hang together (the
    maximum of Westfall & Young 1993, sec. 2.3). It is ``(1 + b) / (N + 1)``, for b of N keys with a statistic as
    large.

    Parameters
    ----------
    plain, gains:
        The plain answers, and how much oftener each option was chosen in each test; all of the same facts.
    draws, seed:
        Number of keys, and their seed.
    """
    tallies = [Tally(tuple(-counts for counts in plain.counts)), *gains]
    generator = np.random.default_rng(seed)
    totals, observed = np.zeros((draws, len(tallies))), np.array([tally.total for tally in tallies], float)
    means, squares = np.zeros(len(tallies)), np.zeros(len(tallies))
    for of_fact in zip(*(tally.counts for tally in tallies), strict=True):
        counts = np.stack(of_fact, 1).astype(float)  # [option, test]
        totals += counts[generator.integers(len(counts), size=draws)]
        means, squares = means + counts.mean(0), squares + counts.var(0)
    spread = np.sqrt(squares)
    varies = spread > 0
    if not varies.any():
        return 1.0
    largest = ((totals - means)[:, varies] / spread[varies]).max(1)
    own = ((observed - means)[varies] / spread[varies]).max()
    return float((1 + (largest >= own - 1e-9).sum()) / (draws + 1))
