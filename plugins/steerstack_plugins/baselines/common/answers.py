"""Log-probabilities of answers under a plain module in training, outside the engine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.data.questions import Question
    from steerstack.steering.tokens import TokenSequence

PART = 2
"""Sequences of one forward pass: logits over the whole vocabulary are what fills the memory."""


def answer_logp(module: Any, texts: Sequence[TokenSequence]) -> Float[Tensor, " text"]:
    """Summed log-probability (nats) of each answer given what precedes it, without gradients.

    The module is in evaluation mode meanwhile, and in the mode that it had afterwards.
    """
    import torch

    with _looking(module):
        return torch.cat([_of_part(module, texts[at : at + PART]) for at in range(0, len(texts), PART)])


def answer_loss(module: Any, texts: Sequence[TokenSequence]) -> float:
    """Mean cross-entropy (nats) per answer token."""
    return -float(answer_logp(module, texts).sum()) / sum(len(text) - text.answer_start for text in texts)


def label_logp(module: Any, questions: Sequence[Question]) -> Float[Tensor, "question 2"]:
    """Log-probability (nats) of both labels of each question after its prompt, which is run once; no gradients.

    The answers are labels of one token, as the modes ``letter`` and ``yes-no`` ask for them.
    """
    import torch

    device = next(module.parameters()).device
    found = []
    with _looking(module):
        for question in questions:
            prompt = question.exhibits.ids[: question.exhibits.answer_start]
            logits = module(input_ids=torch.tensor([prompt], device=device)).logits[0, -1]
            found.append(logits.float().log_softmax(-1)[[side.ids[-1] for side in question.pair]].cpu())
    return torch.stack(found)


@contextlib.contextmanager
def _looking(module: Any) -> Iterator[None]:
    """No gradients, and evaluation mode; afterwards the mode that it had."""
    import torch

    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(training)


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
