"""The declaration of a study of sample efficiency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from steerstack.study.method_ref import MethodRef, Reference
from steerstack.study.technique_study import TechniqueStudy

if TYPE_CHECKING:
    from steerstack.report.answer import ItemFrame
    from steerstack.study.efficiency.answer import EfficiencyAnswer
    from steerstack.study.efficiency.result import EfficiencyResult
    from steerstack.study.forecast import Forecast
    from steerstack.study.session import Session


class Efficiency(TechniqueStudy):
    """What does each technique reach with n labelled items? Curves with bands, areas and crossings."""

    name = "efficiency"

    sizes: tuple[int, ...] = Field(
        default=(4, 16, 64),
        description="Numbers of labelled items; choices of layer, strength and epochs are made within them.",
    )
    seeds: int = Field(
        default=10,
        ge=1,
        description="Number of seeds: each is another nested order of the training items; ten for a verdict on curves.",
    )
    noise: tuple[float, ...] = Field(
        default=(0.0,), min_length=1, description="Shares of wrong labels, such as 0,0.2,0.4."
    )
    labeller: Reference = Field(
        default=MethodRef(name="random-flips"), description="Who gives the wrong labels; random-flips by default."
    )

    def perform(self, session: Session) -> EfficiencyResult:
        """Fit every technique at every size, and measure each on the test items."""
        from steerstack.study.efficiency.run import run_efficiency

        return run_efficiency(self, session)

    def answer(self, items: ItemFrame) -> EfficiencyAnswer:
        """Curves, comparisons and nulls, from the items alone."""
        from steerstack.study.efficiency.answer import EfficiencyAnswer

        return EfficiencyAnswer(self, items, self.steered(items.behavior))

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from a fit of each technique."""
        from steerstack.study.forecast import forecast_fits

        techniques = self.treated(session.data.behavior)
        repeats = self.seeds * len(self.noise)
        return forecast_fits(session.model, session.splits, techniques, self.sizes, repeats, self.score)
