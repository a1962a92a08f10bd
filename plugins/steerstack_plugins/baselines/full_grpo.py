"""Online reinforcement learning of all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack_plugins.baselines.common.online import GroupRelative, Policy

if TYPE_CHECKING:
    from steerstack.trace.model import Model


@final
class FullGRPO(GroupRelative):
    """Group relative policy optimisation of all weights, by trl's GRPOTrainer.

    Shao et al., arXiv 2402.03300, eq. 3, as ``grpo`` in all else. A model of 16 bits is trained in 32, in which small
    steps are not rounded away, and rounded once at the end. The reference of the KL divergence is a second copy: the
    memory has to hold the weights about six times over.
    """

    name = "full-grpo"
    paper = "arXiv 2402.03300"

    learning_rate: float = Field(2e-5, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")

    def policy(self, model: Model) -> Policy:
        """A copy in 32 bits, and another one as reference."""
        from steerstack_plugins.baselines.common.trainers import copy_of

        return Policy(copy_of(model).float(), reference=copy_of(model).requires_grad_(False).eval())
