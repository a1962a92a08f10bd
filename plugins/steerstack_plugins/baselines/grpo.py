"""Online reinforcement learning of low-rank adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack_plugins.baselines.common.online import GroupRelative, Policy

if TYPE_CHECKING:
    from steerstack.trace.model import Model


@final
class GRPO(GroupRelative):
    """Group relative policy optimisation with low-rank adapters, by trl's GRPOTrainer and peft.

    Shao et al., arXiv 2402.03300, eq. 3 (``loss_type="grpo"``, one update a sample, the reference
    is the model with the adapters off). The reward is a plugin; by default the behaviour itself, not a
    model of it: an answer sampled to a question with listed options, or to a Yes-or-No question, gets 1
    where it names the exhibiting answer, 0 where it names the other one, and -1 where it names neither.

    The adapters of the best of several looks are kept and merged: before training and after every
    ``look`` steps, by the expected reward of the next token on the validation items (no sampling), or by
    that of sampled answers where the reward is no matter of labels. Gradients are cut at norm 1.
    """

    name = "grpo"
    paper = "arXiv 2402.03300"

    rank: int = Field(8, ge=1, description="Rank of the adapters.")
    alpha: int = Field(16, ge=1, description="Scale of the adapters, times 1 / rank.")
    learning_rate: float = Field(5e-4, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")

    def policy(self, model: Model) -> Policy:
        """A copy with adapters; the reference is the same with them off."""
        from steerstack_plugins.baselines.common.trainers import adapters, copy_of

        module = copy_of(model)
        return Policy(module, adapters(module, self.rank, self.alpha))
