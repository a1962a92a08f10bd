"""As many demonstrations of the behaviour before the question as there are labelled items: no training."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.data.questions import ScoreMode

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class ManyShot(Baseline):
    """In-context learning from all the training items at once, as ``few-shot`` does from a few.

    Agarwal et al., arXiv 2404.11018, section 2. The order of the items, and which they are where there are more than
    ``shots``, is the best of several draws on validation. The model's context has to hold them: that is refused
    before the first one is run, not cut.
    """

    name = "many-shot"
    paper = "arXiv 2404.11018"
    trains: ClassVar[bool] = False

    shots: int = Field(64, ge=1, description="Demonstrations; all training items where there are fewer.")
    draws: int = Field(3, ge=1, description="Number of draws that are tried.")
    mode: ScoreMode = Field("text", description="How demonstrations are asked and answered, and validation scored.")

    def with_choices(self, count: int) -> Self:
        """So many draws, unless their number was given."""
        return self if "draws" in self.model_fields_set else self.model_copy(update={"draws": count})

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Draw demonstrations from ``train`` and choose among the draws."""
        from steerstack_plugins.baselines.common.draws import best_draw

        return best_draw(model, train, validation, self.mode, shots=self.shots, draws=self.draws, seed=seed)
