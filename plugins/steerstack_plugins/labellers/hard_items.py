"""Wrong labels where items are hard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from steerstack.contracts import Labeller
from steerstack.data.questions import ScoreMode

if TYPE_CHECKING:
    from jaxtyping import Float
    from numpy import ndarray

    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


class HardItems(Labeller):
    """Right on easy items and wrong on the hardest ones, as people are who label what they cannot check.

    That supervisors can label easy items only is the setting of arXiv 2401.06751; the measures of hardness are those
    that :class:`steerstack.Generalize` parts its domains by.
    """

    name = "hard-items"
    paper = "arXiv 2401.06751"

    by: Literal["margin", "number", "length"] = Field(
        "margin",
        description="What is hard: what the unsteered model leans away from, a topic that is a larger number, or a "
        "longer question.",
    )
    mode: ScoreMode = Field("text", description="How items are scored for the margin.")

    def readiness(self, data: DataSet, model: Model) -> Float[ndarray, " n"]:
        """The item's hardness."""
        from steerstack.techniques.labels.hardness import hardness

        return hardness(model, data, self.by, self.mode)
