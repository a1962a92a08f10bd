"""LoRA supervised fine-tuning on the answers that exhibit the behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from pydantic import Field

from steerstack.contracts import Tuned
from steerstack_plugins.baselines.common.answer_tune import AnswerTune

if TYPE_CHECKING:
    from steerstack.data.items import DataSet
    from steerstack.trace.model import Model


@final
class LoraSFT(AnswerTune):
    """Low-rank adapters on every linear layer of the blocks, by peft and trl; merged after training.

    Hu et al., arXiv 2106.09685. Trained on the same items as the vector, with the loss on the
    tokens of the exhibiting answer only (AdamW, no weight decay, no clipping, linear decay); the
    number of epochs, from 0 to ``epochs``, is chosen by the same loss on the validation items. A study
    gives it as many ``choices`` as its vectors have, and chooses by the mean log-odds on validation.
    The trainer is trl's SFTTrainer, given the token ids that scoring uses.
    """

    name = "lora-sft"
    paper = "arXiv 2106.09685"

    rank: int = Field(8, ge=1, description="Rank of the adapters.")
    alpha: int = Field(16, ge=1, description="Scale of the adapters, times 1 / rank.")
    learning_rate: float = Field(5e-4, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train adapters on a copy of the model and merge them."""
        from steerstack_plugins.baselines.common.sft import tune_supervised

        def adapt(module: Any) -> Any:
            from steerstack_plugins.baselines.common.trainers import adapters

            return adapters(module, self.rank, self.alpha)

        return tune_supervised(self, model, train, validation, seed=seed, adapt=adapt)
