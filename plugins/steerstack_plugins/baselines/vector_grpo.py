"""Online reinforcement learning of one vector a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from steerstack_plugins.baselines.common.online import GroupRelative, Policy

if TYPE_CHECKING:
    from steerstack.steering.intervention import Plan
    from steerstack.trace.model import Model


@final
class VectorGRPO(GroupRelative):
    """Group relative policy optimisation of one vector a layer, added to the layer's output; all weights are frozen.

    Sinii et al., arXiv 2505.18706, eq. 1: ``h_l + s_l`` after every block, at every token of the prompt and of the
    answer alike, trained by reinforcement learning from ``s_l = 0``. Here the algorithm is GRPO (arXiv 2402.03300,
    eq. 3) as of ``grpo``, so that nothing differs but what is trained: ``n_layers`` times ``d_model`` numbers. What
    comes out is a plan of additions, not new weights.
    """

    name = "vector-grpo"
    paper = "arXiv 2505.18706"
    trains: ClassVar[bool] = False

    learning_rate: float = Field(1e-2, gt=0, description="Learning rate of AdamW, decaying linearly to 0.")

    def policy(self, model: Model) -> Policy:
        """A copy with a vector at every block; the reference shares its weights and has no vectors."""
        from steerstack_plugins.baselines.common.layer_vectors import add_vectors
        from steerstack_plugins.baselines.common.online import frozen_twin
        from steerstack_plugins.baselines.common.trainers import copy_of

        module = copy_of(model).requires_grad_(False)
        reference = frozen_twin(module)
        add_vectors(module, model)
        return Policy(module, reference=reference)

    def plan(self, policy: Policy) -> Plan:
        """The vectors as additions; those that are still zero are none."""
        from steerstack_plugins.baselines.common.layer_vectors import plan_of

        return plan_of(policy.module)
