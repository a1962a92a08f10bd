"""What every labeller has to do, on items with a known answer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.contracts import Labeller
from steerstack.data.items import DataSet
from steerstack.testing.kit.base_model import left_alone
from steerstack.testing.kit.contract import check, require
from steerstack.testing.kit.method import MethodContract
from steerstack.testing.planted import planted_data, planted_model


class LabellerContract(MethodContract):
    """Checks of a labeller: ``class TestMine(LabellerContract): labeller = Mine()``.

    Attributes
    ----------
    labeller:
        The labeller, with the parameters to check it by.
    """

    labeller: ClassVar[Labeller]

    @property
    def subject(self) -> Labeller:
        """The labeller."""
        return self.labeller

    @property
    def data(self) -> DataSet:
        """Items of which it gets some wrong; override it where planted yes-or-no questions hold nothing to go by."""
        return planted_data(12)

    def readiness(self, data: DataSet | None = None) -> Float[NDArray[np.float64], " n"]:
        """What it says of the items."""
        return np.asarray(self.labeller.readiness(data or self.data, planted_model()), dtype=np.float64)

    @check
    def test_one_number_an_item(self) -> None:
        """A number an item, or minus infinity; and there is an item that it gets wrong."""
        readiness = self.readiness()
        require(readiness.shape == (len(self.data),), "There is not one number an item.", seen=readiness.shape)
        bad = np.isnan(readiness) | (readiness == np.inf)
        require(not bad.any(), "It gives what is neither a number nor minus infinity.", seen=readiness)
        require(bool(np.isfinite(readiness).any()), "It gets none of the items wrong.", fix="Override `data`.")

    @check
    def test_item_order(self) -> None:
        """An item is as readily wrong wherever it stands among the others."""
        reverse = self.data.take(self.data.items[::-1])
        same = np.allclose(self.readiness(reverse)[::-1], self.readiness(), rtol=1e-4, atol=1e-5)
        require(same, "What it says of an item depends on the item's place.")

    @check
    def test_repeats(self) -> None:
        """Asked twice it says the same, whatever the global random state: chance is the study's own."""
        require(np.array_equal(self.readiness(), self.readiness()), "Asked twice, it says two things.")

    @check
    def test_the_model_is_left_alone(self) -> None:
        """The given model keeps its weights and its mode."""
        with left_alone(planted_model()):
            self.readiness()
