"""The vector again, from other training samples and seeds, so that its interval covers new ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from steerstack.contracts import Extractor
from steerstack.data.items import DataSet, Item
from steerstack.errors import StudyError
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.estimate import Estimate
from steerstack.stats.learning_curves import two_way
from steerstack.study.session import Session
from steerstack.study.stack.choice import choose_strengths
from steerstack.techniques.extract import extract
from steerstack.techniques.selection import Candidates, Choice

if TYPE_CHECKING:
    from steerstack.study.stack.study import Stack

LEAST = 4
"""Training items of a replicate, at least."""


@dataclass(frozen=True)
class Replicate:
    """The vector from one training sample: how many items, what was chosen, and the test items under it."""

    n_train: int
    choice: Choice
    values: ArmValues


@dataclass(frozen=True)
class Replicates:
    """Several, beside the bare model on the same test items."""

    each: Sequence[Replicate]
    bare: ArmValues
    groups: Sequence[int] | None

    @property
    def effect(self) -> Estimate:
        """Mean effect, with an interval for new training samples and seeds, and for new items."""
        effects = np.array([one.values.log_odds - self.bare.log_odds for one in self.each])
        return two_way(effects, groups=self.groups)

    @property
    def sentence(self) -> str:
        """What was varied, and what that leaves."""
        sizes = sorted({one.n_train for one in self.each})
        n = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
        return (
            f"Over {len(self.each)} replicates, each from {n} training items that no other has and by a seed of its "
            f"own, the vector alone does {self.effect}: this holds for new samples of that size, new seeds and new "
            "items, not for other prompts, validation items or models."
        )

    def to_json(self) -> dict[str, object]:
        """As results hold it."""
        return {
            "count": len(self.each),
            "effect": self.effect.to_json(),
            "each": [
                {
                    "n_train": one.n_train,
                    "layer": one.choice.layer,
                    "scale": one.choice.scale,
                    "effect": estimates.difference(
                        one.values.log_odds, self.bare.log_odds, groups=self.groups
                    ).to_json(),
                }
                for one in self.each
            ],
            "text": self.sentence,
        }


def measure_replicates(study: Stack, session: Session, method: Extractor, candidates: Candidates) -> list[Replicate]:
    """Find the vector from each part of the training items, choose for each on validation, and measure all.

    Raises
    ------
    StudyError
        The training items are too few for so many parts.
    """
    samples = parts(session.splits.train, study.replicates, seed=study.seed)
    seeded = "seed" in type(method).model_fields
    vectors = {
        f"replicate {place}": extract(
            session.model, sample, method.model_copy(update={"seed": study.seed + place}) if seeded else method,
            position=study.position,
        )
        for place, sample in enumerate(samples)
    }  # fmt: skip
    choices = choose_strengths(session, vectors, method, candidates, called=" of replicates")
    arms = [session.arm(name, choices[name].candidate.plan(of, candidates.tokens)) for name, of in vectors.items()]
    values = session.measure.arms("replicates", session.splits.test, arms)
    return [
        Replicate(len(sample), choices[name], of) for sample, name, of in zip(samples, vectors, values, strict=True)
    ]


def parts(data: DataSet, count: int, *, seed: int) -> list[DataSet]:
    """The data set in so many parts of about one size, drawn by a seed; items of one question stay together.

    Raises
    ------
    StudyError
        A part would have fewer than :data:`LEAST` items.
    """
    questions: dict[str, list[Item]] = defaultdict(list)
    for item in data:
        questions[item.question or item.id].append(item)
    order = np.random.default_rng(seed).permutation(len(questions))
    groups = list(questions.values())
    batches = [[item for place in order[at::count] for item in groups[place]] for at in range(count)]
    if min(map(len, batches)) < LEAST:
        raise StudyError(
            f"{len(data)} training items are too few for {count} replicates.",
            seen=f"parts of {min(map(len, batches))} items at the least, {LEAST} needed",
            fix="Give more items, or take fewer replicates.",
        )
    return [data.take(tuple(of)) for of in batches]
