"""Log-probabilities of answers under a plain module in training, outside the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.tokens import TokenSequence

PART = 2
"""Sequences of one forward pass: logits over the whole vocabulary are what fills the memory."""


def answer_logp(module: Any, texts: Sequence[TokenSequence]) -> Float[Tensor, " text"]:
    """Summed log-probability (nats) of each answer given what precedes it, without gradients.

    The module is in evaluation mode meanwhile, and in the mode that it had afterwards.
    """
    import torch

    training = module.training
    module.eval()
    with torch.no_grad():
        found = [_of_part(module, texts[at : at + PART]) for at in range(0, len(texts), PART)]
    module.train(training)
    return torch.cat(found)


def answer_loss(module: Any, texts: Sequence[TokenSequence]) -> float:
    """Mean cross-entropy (nats) per answer token."""
    return -float(answer_logp(module, texts).sum()) / sum(len(text) - text.answer_start for text in texts)


def _of_part(module: Any, texts: Sequence[TokenSequence]) -> Float[Tensor, " text"]:
    import torch
    from torch.nn.utils.rnn import pad_sequence

    device = next(module.parameters()).device
    ids = pad_sequence([torch.tensor(text.ids) for text in texts], batch_first=True).to(device)
    mask = pad_sequence([torch.ones(len(text), dtype=torch.long) for text in texts], batch_first=True).to(device)
    places = [(row, p) for row, text in enumerate(texts) for p in range(text.answer_start, len(text))]
    row, position = torch.tensor(places, device=device).unbind(1)
    logits = module(input_ids=ids, attention_mask=mask).logits[row, position - 1]
    logp = logits.float().log_softmax(-1).gather(1, ids[row, position][:, None])[:, 0]
    return torch.zeros(len(texts), device=device).index_add(0, row, logp).cpu()
