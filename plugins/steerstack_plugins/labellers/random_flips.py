"""Wrong labels at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.contracts import Labeller

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class RandomFlips(Labeller):
    """A slip of the pen: every item goes wrong as readily as any other, as where pairs are mislabelled at random.

    How vectors from mislabelled pairs behave is the first question of arXiv 2603.03206.
    """

    name = "random-flips"
    paper = "arXiv 2603.03206"

    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """The same for all."""
        import numpy as np

        return np.zeros(len(data))
