"""The declaration of a study of wrong labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from steerstack.study.method_ref import MethodRef, Reference
from steerstack.study.technique_study import TechniqueStudy

if TYPE_CHECKING:
    from steerstack.report.answer import ItemFrame
    from steerstack.study.forecast import Forecast
    from steerstack.study.label_errors.answer import LabelErrorsAnswer
    from steerstack.study.label_errors.result import LabelErrorsResult
    from steerstack.study.session import Session


class LabelErrors(TechniqueStudy):
    """What is left of each technique's effect when labels are wrong as people get them wrong?

    Every technique is fitted on true labels and on those of each labeller, with the same items, seeds and choices,
    and measured against true labels on locked test items.
    """

    name = "label-errors"
    paper: ClassVar[str] = "arXiv 2312.09390"

    labellers: tuple[Reference, ...] = Field(
        default=(MethodRef(name="random-flips"),),
        min_length=1,
        description="Who labels: random-flips, hard-items, one-topic, longer-answer, user-view, weak-model.",
    )
    noise: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.1, 0.2, 0.4), min_length=1, description="Shares of wrong labels, such as 0.2,0.4."
    )
    items: int | None = Field(
        default=None, ge=4, description="Labelled items that each seed draws; three quarters of them by default."
    )
    seeds: int = Field(
        default=5, ge=2, description="Number of seeds: each draws other labelled items, and other slips of the pen."
    )
    margin: float = Field(
        default=0.2, gt=0, lt=1, description="Share of the effect on true labels whose loss counts as a loss."
    )

    def perform(self, session: Session) -> LabelErrorsResult:
        """Fit every technique on each labeller's labels, and measure all on the same test items."""
        from steerstack.study.label_errors.run import run_label_errors

        return run_label_errors(self, session)

    def answer(self, items: ItemFrame) -> LabelErrorsAnswer:
        """What is kept and learnt, from the items alone."""
        from steerstack.study.label_errors.answer import LabelErrorsAnswer

        return LabelErrorsAnswer(self, items, self.steered(items.behavior))

    def forecast(self, session: Session) -> Forecast:
        """What it will take, from a fit of each technique."""
        from steerstack.study.forecast import forecast_fits
        from steerstack.techniques.labels.subsets import drawn

        techniques = self.treated(session.data.behavior)
        repeats = self.seeds * (1 + len(self.labellers) * len(self.noise))
        sizes = [drawn(self.items, session.splits)]
        return forecast_fits(session.model, session.splits, techniques, sizes, repeats, self.score)
