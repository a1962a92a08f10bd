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
"""Tokens of one pass at most: the whole distribution of each is held twice."""

LOGITS = 1 << 25
"""Numbers of these distributions at most, where that takes no fewer than :data:`LEAST` tokens."""

LEAST = 64
SLICE = 64
"""Places whose distributions are compared at a time."""


def tokens_within(model: Model) -> int:
    """Bound on the tokens of one pass: fewer for a large vocabulary."""
    return min(TOKENS, max(LEAST, LOGITS // model.n_ids))


@dataclass(frozen=True)
class Divergence(Readout):
    """Compares each next-token distribution with that of a reference: the first pass, where none is given."""

    reference: Float[Tensor, "place vocab"] | None = None

    def look_up(self, logits: Float[Tensor, "place vocab"]) -> Float[Tensor, "asked three"]:
        """KL(steered || unsteered), KL(unsteered || steered) and cross-entropy (nats) at each token."""
        if self.reference is None:
            object.__setattr__(self, "reference", logits.float().log_softmax(-1))
        assert self.reference is not None
        place = torch.tensor([entry[2] for entry in self.asked], device=logits.device)
        parts = zip(torch.split(logits, SLICE), torch.split(self.reference.to(logits.device), SLICE), strict=True)
        divergences = torch.cat([_both_ways(part.float().log_softmax(-1), reference) for part, reference in parts])
        return torch.cat([divergences[place], -super().look_up(logits)[:, None]], -1)


def _both_ways(
    logp: Float[Tensor, "place vocab"], reference: Float[Tensor, "place vocab"]
) -> Float[Tensor, "place two"]:
    gap = logp - reference
    return torch.stack([(logp.exp() * gap).sum(-1), -(reference.exp() * gap).sum(-1)], -1)


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
    tokens = tokens_within(model)
    for batch in batches(model, trees, tokens=tokens):
        plain = Readout.of(batch.trees)
        readout = Divergence(plain.places, plain.asked)
        results = run_batch(model, batch, [Plan(), *arms], tokens, readout)
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
