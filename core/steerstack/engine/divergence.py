"""What a plan costs on neutral text: KL divergence from the unsteered model, and perplexity."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.answers import Progress, run_batch
from steerstack.engine.layout.batches import batches
from steerstack.engine.layout.readout import Readout
from steerstack.engine.layout.tree import Tree
from steerstack.engine.limits import check_fits
from steerstack.engine.overflow import check_finite
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely

TOKENS = 384
"""Tokens of one pass: the whole distribution of each is held twice."""


class _Divergence(Readout):
    """Compares each next-token distribution with that of the unsteered pass, which comes first."""

    reference: Float[Tensor, "place vocab"] | None = None

    def look_up(self, logits: Float[Tensor, "place vocab"]) -> Float[Tensor, "asked three"]:
        """KL(steered || unsteered), KL(unsteered || steered) and cross-entropy (nats) at each token."""
        logp = logits.float().log_softmax(-1)
        if self.reference is None:
            object.__setattr__(self, "reference", logp)
        assert self.reference is not None
        gap = logp - self.reference
        kl, reverse = (logp.exp() * gap).sum(-1), -(self.reference.exp() * gap).sum(-1)
        place = torch.tensor([entry[2] for entry in self.asked], device=logits.device)
        token = torch.tensor([entry[3] for entry in self.asked], device=logits.device)
        return torch.stack([kl[place], reverse[place], -logp[place, token]], -1)


@dataclass(frozen=True)
class Cost:
    """What a plan does to neutral text.

    Attributes
    ----------
    kl:
        Mean KL(steered || unsteered) per token, in nats, one value a text.
    cross_entropy:
        Mean negative log-probability per token, in nats, one value a text.
    reverse:
        Mean KL(unsteered || steered) per token, in nats, one value a text: large where something likely was lost.
    """

    kl: tuple[float, ...]
    cross_entropy: tuple[float, ...]
    reverse: tuple[float, ...]


def divergence(
    model: Model, texts: Sequence[TokenSequence], arms: Sequence[Plan], *, progress: Progress | None = None
) -> list[Cost]:
    """KL in both directions and cross-entropy of each arm on each text, over its tokens from ``answer_start`` on.

    ``progress`` is told how many evaluations (texts x arms) are done.

    Raises
    ------
    ModelError
        A plan does not fit the model, or numbers overflow under an arm.
    """
    for plan in arms:
        model.check_plan(plan)
    prove(model)
    check_fits(model, texts, answered=True)
    return _divergence(model, texts, arms, progress=progress)


@remotely(Cost)
def _divergence(
    model: Model, texts: Sequence[TokenSequence], arms: Sequence[Plan], *, progress: Progress | None = None
) -> list[Cost]:
    trees = [Tree.of([text]) for text in texts]
    kl, reverse, entropy = ([[0.0] * len(texts) for _ in arms] for _ in range(3))
    for batch in batches(model, trees, tokens=TOKENS):
        plain = Readout.of(batch.trees)
        readout = _Divergence(plain.places, plain.asked)
        results = run_batch(model, batch, [Plan(), *arms], TOKENS, readout)
        rows = torch.tensor([entry[0] for entry in readout.asked])
        for arm in range(len(arms)):
            values = results[arm + 1].cpu()
            for row, place in enumerate(batch.index):
                means = values[rows == row].mean(0).tolist()
                kl[arm][place], reverse[arm][place], entropy[arm][place] = means
        if progress:
            progress(len(batch.trees) * len(arms))
    for plan, of_arm in zip(arms, kl, strict=True):
        check_finite(model, plan, of_arm, "KL divergence")
    return [Cost(tuple(a), tuple(b), tuple(c)) for a, b, c in zip(kl, entropy, reverse, strict=True)]
