"""How far a condition is from the bare model on the same text: prompts, fine-tunes and edits on one scale."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.answers import run_batch
from steerstack.engine.divergence import TOKENS, Cost
from steerstack.engine.layout.batches import batches
from steerstack.engine.layout.readout import Readout
from steerstack.engine.layout.tree import Tree
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.errors import StudyError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model


class _Distributions(Readout):
    """Keeps the whole next-token distribution."""

    def look_up(self, logits: Float[Tensor, "place vocab"]) -> Float[Tensor, "asked vocab"]:
        """Log-probabilities (nats) at each answer token."""
        place = torch.tensor([entry[2] for entry in self.asked], device=logits.device)
        return logits.float().log_softmax(-1)[place].cpu()


def _next_tokens(model: Model, text: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
    prove(model)
    check_fits(model, [text], answered=True)
    (batch,) = batches(model, [Tree.of([text])], tokens=TOKENS)
    plain = Readout.of(batch.trees)
    return run_batch(model, batch, [plan], TOKENS, _Distributions(plain.places, plain.asked))[0]


def distance(
    base: Model, bare: Sequence[TokenSequence], model: Model, texts: Sequence[TokenSequence], plan: Plan
) -> Cost:
    """KL between condition and bare model, both ways, and the condition's cross-entropy, per token of an answer.

    Parameters
    ----------
    base, bare:
        The bare model and its texts.
    model, texts, plan:
        The condition: perhaps other weights, other words before the answers, an edit.

    Raises
    ------
    StudyError
        The answers differ, so that their tokens cannot be compared one by one.
    """
    kl, reverse, entropy = [], [], []
    for before, after in zip(bare, texts, strict=True):
        answer = after.ids[after.answer_start :]
        if before.ids[before.answer_start :] != answer:
            raise StudyError(
                "The same answer has other tokens in the two conditions.",
                seen=f"{len(before) - before.answer_start} and {len(answer)} tokens",
                fix="Use texts whose first token does not merge with what precedes it.",
            )
        reference, logp = _next_tokens(base, before, Plan()), _next_tokens(model, after, plan)
        kl.append(float((logp.exp() * (logp - reference)).sum(-1).mean()))
        reverse.append(float((reference.exp() * (reference - logp)).sum(-1).mean()))
        entropy.append(-float(logp[torch.arange(len(answer)), torch.tensor(answer)].mean()))
    return Cost(tuple(kl), tuple(entropy), tuple(reverse))
