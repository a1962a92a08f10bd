"""The first-order effect of every direction at every layer, from one backward pass."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.gradients import Shift, differentiable
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely

PART = 8
"""Sequences of one pass: its graph is what fills the memory."""


@remotely()
def slopes(
    model: Model, sequences: Sequence[TokenSequence], weights: Sequence[float], sites: Sequence[Site], tokens: Tokens
) -> list[Float[Tensor, " d_model"]]:
    """How fast a weighted sum of log-probabilities grows with what is added at each site.

    The gradient of ``sum_i weights[i] * logp(answer_i)`` with regard to one vector that is added to all tokens of
    the selection, at the unsteered model: to first order, adding ``d`` at a site changes the sum by its product
    with ``d``. One backward pass serves every direction at every site.

    Parameters
    ----------
    model, sequences:
        The model, and the answers after their prompts.
    weights:
        One a sequence.
    sites, tokens:
        Where something would be added, and to which tokens.

    Returns
    -------
    list
        One a site, in nats a unit of length, in float32 on the CPU.
    """
    sums = [torch.zeros(model.width(site)) for site in sites]
    order = sorted(range(len(sequences)), key=lambda place: len(sequences[place]))
    for begun in range(0, len(order), PART):
        part = order[begun : begun + PART]
        with torch.enable_grad():
            moves = [torch.zeros(model.width(site), requires_grad=True) for site in sites]
            plan = Plan(tuple(Shift(site, move, selection=tokens) for site, move in zip(sites, moves, strict=True)))
            logp = differentiable(model, [sequences[place] for place in part], plan).logp
            weighted = (logp * torch.tensor([weights[place] for place in part]).to(logp)).sum()
            gradients = torch.autograd.grad(weighted, moves)
        for sum_of, gradient in zip(sums, gradients, strict=True):
            sum_of += gradient.float().cpu()
    return sums
