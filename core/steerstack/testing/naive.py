"""The naive run, as a reference: one full forward pass a sequence and arm, by plain PyTorch hooks.

Knows neither nnsight nor the engine, so that both can be held against it.
"""

from jaxtyping import Float
from torch import Tensor

from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.plain import answer_of, plain_logits, planned


def naive_logits(model: Model, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
    """Logits at every token of one sequence under a plan, in float32."""
    return plain_logits(model, sequence.ids, planned(plan, sequence))


def naive_score(model: Model, sequence: TokenSequence, plan: Plan) -> list[float]:
    """Log-probabilities of the answer tokens of one sequence under a plan."""
    return answer_of(naive_logits(model, sequence, plan), sequence)
