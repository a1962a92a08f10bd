"""Wrong labels for the longer answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.contracts import Labeller

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class LongerAnswer(Labeller):
    """Takes the longer answer for the one that exhibits the behaviour; the more it is longer, the more readily.

    The length bias that preference labels are known for (Singhal et al., arXiv 2310.03716). It never errs where the
    exhibiting answer is the longer one, or both are of one length.
    """

    name = "longer-answer"
    paper = "arXiv 2310.03716"

    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """Characters by which the other answer is longer."""
        import numpy as np

        longer = np.array([float(len(item.contrast_text) - len(item.exhibits_text)) for item in data])
        return np.where(longer > 0, longer, -np.inf)
