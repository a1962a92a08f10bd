"""Supervised fine-tuning of all weights on the answers that exhibit the behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import FineTune, Tuned
from steerstack.data.questions import ScoreMode

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class FullSFT(FineTune):
    """All weights are trained to give the exhibiting answer, by trl's SFTTrainer.

    Ouyang et al., arXiv 2203.02155, section 3.5 (the supervised step). As ``lora-sft`` in all
    else: the same items, the loss on the tokens of the exhibiting answer only, AdamW without
    weight decay, the number of epochs chosen on validation. A model of 16 bits is trained in 32,
    in which small steps are not rounded away, and rounded once at the end. The memory has to hold
    the weights about five times over.
    """

    name = "full-sft"
    paper = "arXiv 2203.02155"

    learning_rate: float = Field(2e-5, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")
    epochs: int = Field(2, ge=0, description="At most; the number is chosen on validation.")
    batch: int = Field(8, ge=1, description="Items a step.")
    choices: int = Field(
        default=1, ge=1, description="Configurations to try: learning rates around the given one, times looks."
    )
    mode: ScoreMode | None = Field(
        default=None, description="Choose by the log-odds so scored; by the loss if not given."
    )

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train a copy of the model."""
        from steerstack_plugins.baselines.common.sft import tune_supervised

        return tune_supervised(
            self,
            model,
            train,
            validation,
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            choices=self.choices,
            mode=self.mode,
            seed=seed,
            adapt=None,
        )
