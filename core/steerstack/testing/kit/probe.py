"""What every probe has to do, on pairs with a planted direction."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from steerstack.contracts import FittedProbe, Probe
from steerstack.data.items import DataSet
from steerstack.errors import SteerstackError
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import PAIRS, PlantedPairs, planted_data, swapped


def auroc(positive: Float[ndarray, " n"], negative: Float[ndarray, " m"]) -> float:
    """Share of pairs of one positive and one negative that are in order; ties count half."""
    ahead = positive[:, None] - negative[None]
    return float(((ahead > 0) + 0.5 * (ahead == 0)).mean())


def _half_inverted(data: DataSet) -> DataSet:
    """Every other pair of items inverted, so that the sides say nothing."""
    return data.take(tuple(item.inverted() if n // 4 % 2 else item for n, item in enumerate(data)))


class ProbeContract(MethodContract):
    """Checks of a probe: ``class TestMine(ProbeContract): probe = Mine()``.

    Attributes
    ----------
    probe:
        The probe, with the parameters to check it by.
    least_auroc:
        On pairs that it was not trained on.
    chance:
        How far from 0.5 the AUROC may lie where the sides were shuffled.
    """

    probe: ClassVar[Probe]
    least_auroc: ClassVar[float] = 0.95
    chance: ClassVar[float] = 0.2

    @property
    def subject(self) -> Probe:
        """The probe."""
        return self.probe

    def fitted(self, data: DataSet | None = None) -> FittedProbe:
        """The probe trained on planted pairs."""
        torch.manual_seed(0)
        return self.probe.fit(PlantedPairs(data=data))

    def held_out(self, fitted: FittedProbe, data: DataSet | None = None) -> tuple[ndarray, ndarray]:
        """Scores of both sides of pairs that were not trained on."""
        other = PlantedPairs(data=data or planted_data(PAIRS, first=PAIRS)).collect()
        return fitted.score(other.positive), fitted.score(other.negative)

    @check
    def test_tells_the_planted_sides_apart(self) -> None:
        """On new pairs nearly every positive side scores above every negative one."""
        area = auroc(*self.held_out(self.fitted()))
        require(area >= self.least_auroc, f"The AUROC on new pairs is below {self.least_auroc}.", seen=f"{area:.3f}")

    @check
    def test_shuffled_sides_give_chance(self) -> None:
        """Trained on sides that were shuffled, it tells nothing on new shuffled pairs."""
        fitted = self.fitted(_half_inverted(planted_data()))
        area = auroc(*self.held_out(fitted, _half_inverted(planted_data(PAIRS, first=PAIRS))))
        require(abs(area - 0.5) <= self.chance, "It finds what is not there.", seen=f"AUROC {area:.3f}")

    @check
    def test_sign_flips_when_the_classes_swap(self) -> None:
        """Trained with the sides exchanged, it scores the other way round."""
        area = auroc(*self.held_out(self.fitted(swapped(planted_data()))))
        require(area <= 1 - self.least_auroc, "It does not turn round with the sides.", seen=f"AUROC {area:.3f}")

    @check
    def test_pair_order(self) -> None:
        """The order of the pairs does not change how new pairs are ranked."""
        data = planted_data()
        one, other = (self.held_out(self.fitted(part)) for part in (data, data.take(data.items[::-1])))
        correlation = min(float(np.corrcoef(*of_side)[0, 1]) for of_side in zip(one, other, strict=True))
        require(
            correlation >= 0.999, "The scores depend on the order of the pairs.", seen=f"correlation {correlation:.4f}"
        )

    @check
    def test_repeats(self) -> None:
        """The same training gives the same scores, whatever the global random state."""
        one = self.held_out(self.fitted())[0]
        stream = PlantedPairs()
        torch.manual_seed(1)
        other = self.held_out(self.probe.fit(stream))[0]
        require(np.allclose(one, other, rtol=1e-5, atol=1e-6), "Trained twice, it gives two probes.")

    @check
    def test_scores_are_finite(self) -> None:
        """One finite number for each row of activations."""
        batch = PlantedPairs(data=planted_data(8)).collect()
        scores = self.fitted().score(batch.positive)
        require(
            np.shape(scores) == (8,) and bool(np.isfinite(scores).all()), "Not one finite score a row.", seen=scores
        )

    @check
    def test_inputs_untouched(self) -> None:
        """Neither training nor scoring changes the activations."""
        stream = PlantedPairs()
        batch = stream.collect()
        copy = batch.positive.clone()
        self.probe.fit(stream).score(batch.positive)
        same = torch.equal(batch.positive, copy) and all(torch.equal(now, then) for now, then in stream.given)
        require(same, "Activations were changed in place.")

    @check
    def test_equal_sides_are_an_error(self) -> None:
        """Where the two sides are the same there is a clear error, not a probe."""
        try:
            self.probe.fit(PlantedPairs(equal=True))
        except SteerstackError as error:
            require(bool(error.fix), "The error does not say what to do.", seen=error, fix="Pass fix=...")
            return
        raise AssertionError("Pairs of equal sides gave a probe.")
