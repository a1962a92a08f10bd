"""Supervised fine-tuning of all weights on the answers that exhibit the behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Tuned
from steerstack_plugins.baselines.common.answer_tune import AnswerTune

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class FullSFT(AnswerTune):
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

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train a copy of the model."""
        from steerstack_plugins.baselines.common.sft import tune_supervised

        return tune_supervised(self, model, train, validation, seed=seed, adapt=None)
