"""Demonstrations of the behaviour before the question: the best of several draws on validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.data.questions import ScoreMode

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class FewShot(Baseline):
    """In-context learning: training items with their exhibiting answers as earlier turns; no training.

    Brown et al., arXiv 2005.14165, section 2. Which items are shown, and in what order, matters
    (Lu et al., arXiv 2104.08786), so several draws without replacement are tried, and the one with
    the greatest mean log-odds on the validation items is used. Where there are no validation items
    of their own, a shown item can be among those that it is chosen by.
    """

    name = "few-shot"
    paper = "arXiv 2005.14165"
    trains: ClassVar[bool] = False

    shots: int = Field(4, ge=1, description="Demonstrations; all training items where there are fewer.")
    draws: int = Field(3, ge=1, description="Number of draws that are tried.")
    mode: ScoreMode = Field("text", description="How demonstrations are asked and answered, and validation scored.")

    def with_choices(self, count: int) -> Self:
        """So many draws, unless their number was given."""
        return self if "draws" in self.model_fields_set else self.model_copy(update={"draws": count})

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Draw demonstrations from ``train`` and choose among the draws."""
        from steerstack_plugins.baselines.common.draws import best_draw

        return best_draw(model, train, validation, self.mode, shots=self.shots, draws=self.draws, seed=seed)
