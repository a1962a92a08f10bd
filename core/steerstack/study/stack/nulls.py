"""The nulls of a stacking study: each chooses its own layer and strength, and is measured on items that all share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from steerstack.catalog.data import other_behaviors
from steerstack.contracts import Extractor
from steerstack.data.items import DataSet
from steerstack.run.arms import ArmValues
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.steering.vector import SteeringVector
from steerstack.study.null_test import NEEDED, NEIGHBOR, NullTest
from steerstack.study.session import Session
from steerstack.study.stack.choice import choose_strengths
from steerstack.techniques.null_vectors import neighbor_vectors, null_vectors
from steerstack.techniques.selection import Candidates, Choice

if TYPE_CHECKING:
    from steerstack.study.stack.study import Stack

TEST_ITEMS = 32
"""Test items that every null is measured on; the vector is compared with them on the same ones."""


@dataclass(frozen=True)
class MeasuredNull:
    """A null, or the vector of another behaviour, as it was chosen and measured.

    Attributes
    ----------
    name, family, choice:
        What it is, and which layer and strength it chose.
    values:
        The shared test items under it.
    """

    name: str
    family: str
    choice: Choice
    values: ArmValues

    def effect(self, bare: ArmValues) -> Estimate:
        """The paired difference from the bare model on the same items."""
        return estimates.difference(self.values.log_odds, bare.log_odds)

    def to_json(self, bare: ArmValues) -> dict[str, object]:
        """As results hold it, beside the bare model on the same items."""
        return {
            "null" if self.family in NEEDED else "neighbor": self.name,
            "family": self.family,
            "layer": self.choice.layer,
            "scale": self.choice.scale,
            "choices_tried": len(self.choice.tried),
            "effect": self.effect(bare).to_json(),
        }


@dataclass(frozen=True)
class NullArms:
    """Every null and neighbour of a study.

    Attributes
    ----------
    places:
        Which of the test items they were measured on.
    items:
        These items.
    nulls:
        Random directions and vectors from shuffled labels.
    neighbors:
        Vectors of other behaviours: no nulls, since behaviours may be kin.
    """

    places: tuple[int, ...]
    items: DataSet
    nulls: Sequence[MeasuredNull] = ()
    neighbors: Sequence[MeasuredNull] = ()

    def here(self, values: ArmValues) -> ArmValues:
        """An arm of all the test items, on the shared ones alone."""
        at = list(self.places)
        return ArmValues(values.log_odds[at], values.probability[at], values.edited)

    def test(self, vector: ArmValues, bare: ArmValues) -> NullTest:
        """The vector beside the nulls, from arms of all the test items."""
        before = self.here(bare).log_odds
        sizes = {
            family: [float(np.mean(one.values.log_odds - before)) for one in self.nulls if one.family == family]
            for family in NEEDED
        }
        return NullTest(float(np.mean(self.here(vector).log_odds - before)), sizes)

    def effect(self, vector: ArmValues, bare: ArmValues) -> Estimate:
        """The effect of the vector on the shared items, paired."""
        return estimates.difference(self.here(vector).log_odds, self.here(bare).log_odds)


def measure_nulls(
    study: Stack, session: Session, vector: SteeringVector, method: Extractor, candidates: Candidates, choice: Choice
) -> NullArms:
    """Take nulls and neighbours through the vector's own pipeline.

    Parameters
    ----------
    vector, method, candidates:
        The study's vector, and what is tried for it and for them.
    choice:
        What was chosen for the vector, whose layers the nulls choose among.
    """
    test = session.splits.test
    items = test.spread(TEST_ITEMS)
    place_of = {item.id: place for place, item in enumerate(test)}
    places = tuple(place_of[item.id] for item in items)
    here = vector.keeping({layer for tried in choice.tried for layer in tried.candidate.layers})
    once = partial(session.vector_once, method)
    draws = null_vectors(
        session.model, session.splits.train, here, method,
        position=study.position, count=study.nulls, seed=study.seed, once=once,
    )  # fmt: skip
    near = neighbor_vectors(
        session.model, other_behaviors(session.data.behavior, study.neighbors), here, method,
        position=study.position, pairs=len(session.splits.train), once=once,
    )  # fmt: skip
    vectors = {one.name: one.vector for one in draws} | near
    family = {one.name: str(one.family) for one in draws}
    if not vectors:
        return NullArms(places, items)
    choices = choose_strengths(session, vectors, method, candidates, called=" of nulls")
    arms = [session.arm(name, choices[name].candidate.plan(of, candidates.tokens)) for name, of in vectors.items()]
    values = session.measure.arms("nulls", items, arms)
    null_arms = [
        MeasuredNull(name, family.get(name, NEIGHBOR), choices[name], of)
        for name, of in zip(vectors, values, strict=True)
    ]
    nulls = [one for one in null_arms if one.family in NEEDED]
    return NullArms(places, items, nulls, [one for one in null_arms if one.family not in NEEDED])
