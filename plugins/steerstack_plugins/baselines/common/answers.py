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

PART = 4
"""Sequences of one forward pass: logits over the whole vocabulary are what fills the memory."""


def answer_logp(module: Any, texts: Sequence[TokenSequence]) -> Float[Tensor, " text"]:
    """Summed log-probability (nats) of each answer given what precedes it, without gradients.

    The module is in evaluation mode meanwhile, and in the mode that it had afterwards.
    """
    import torch

    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))  # so that little is filled up
    logp = torch.zeros(len(texts))
    with looking(module):
        for at in range(0, len(order), PART):
            part = order[at : at + PART]
            logp[part] = _of_part(module, [texts[place] for place in part])
    return logp


def answer_loss(module: Any, texts: Sequence[TokenSequence]) -> float:
    """Mean cross-entropy (nats) per answer token."""
    return -float(answer_logp(module, texts).sum()) / sum(len(text) - text.answer_start for text in texts)


def training_loss(module: Any, ids: Tensor, mask: Tensor | None, labels: Tensor) -> tuple[Float[Tensor, ""], int]:
    """Summed cross-entropy (nats) of the tokens that are labelled, with its graph, and their number.

    The model's own forward pass, but that the output embeddings see only what precedes a label: a library that has
    them read every token of the prompts spends a third of a small model's training on what no loss looks at.

    Parameters
    ----------
    module:
        A causal language model, with adapters or without.
    ids, mask, labels:
        Of one batch, each ``[row, token]``; a label of -100 is left out.
    """
    from torch.nn.functional import cross_entropy

    row, position = (labels[:, 1:] != -100).nonzero(as_tuple=True)
    logits = _logits_at(module, ids, mask, row, position)
    return cross_entropy(logits.float(), labels[row, position + 1], reduction="sum"), len(row)


def last_tokens(
    module: Any, ids: Tensor, mask: Tensor, count: int, *, temperature: float = 1.0
) -> tuple[Float[Tensor, "row token"], Float[Tensor, "row token"]]:
    """Of the last ``count`` tokens of each row: their log-probability, with its graph, and the entropy there (nats).

    The output embeddings see only what precedes those tokens. trl's own way has them see every token of the prompts
    where there is no Triton, which is a quarter of a small model's training.

    Parameters
    ----------
    module:
        A causal language model, with adapters or without.
    ids, mask:
        Of one batch, each ``[row, token]``.
    count, temperature:
        How many tokens of each row, and what logits are divided by.
    """
    import torch

    width = ids.shape[1]
    row, position = torch.ones_like(ids[:, :count]).nonzero(as_tuple=True)
    logits = _logits_at(module, ids, mask, row, position + width - count - 1)
    logp = (logits.float() / temperature).log_softmax(-1)
    own = logp.gather(1, ids[:, -count:].reshape(-1, 1))
    spread = logp.detach()
    return own.view(-1, count), -(spread.exp() * spread).sum(-1).view(-1, count)


def label_logp(module: Any, questions: Sequence[Question]) -> Float[Tensor, "question 2"]:
    """Log-probability (nats) of both labels of each question after its prompt, which is run once; no gradients.

    The answers are labels of one token, as the modes ``letter`` and ``yes-no`` ask for them.
    """
    import torch

    device = next(module.parameters()).device
    first, logp = torch.zeros(1, dtype=torch.long, device=device), []
    with looking(module):
        for question in questions:
            ids = torch.tensor([question.exhibits.ids[: question.exhibits.answer_start]], device=device)
            logits = _logits_at(module, ids, None, first, first + ids.shape[1] - 1)[0]
            logp.append(logits.float().log_softmax(-1)[[side.ids[-1] for side in question.pair]].cpu())
    return torch.stack(logp)


@contextlib.contextmanager
def looking(module: Any) -> Iterator[None]:
    """No gradients, and evaluation mode; afterwards the mode that it had."""
    import torch

    training = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(training)


@contextlib.contextmanager
def _read_at(module: Any, shape: tuple[int, ...], row: Tensor, position: Tensor) -> Iterator[None]:
    """Let the output embeddings see some tokens only, as one row: much of a small model's work is theirs.

    A module that has none, or does not call them on tokens of this shape, gives the logits of all tokens.
    """

    def pick(_head: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden, *others = args
        return (hidden[row, position][None], *others) if hidden.shape[:-1] == shape else args

    head = module.get_output_embeddings() if hasattr(module, "get_output_embeddings") else None
    hook = head.register_forward_pre_hook(pick) if head is not None else None
    try:
        yield
    finally:
        if hook is not None:
            hook.remove()


def _logits_at(
    module: Any, ids: Tensor, mask: Tensor | None, row: Tensor, position: Tensor
) -> Float[Tensor, "place vocabulary"]:
    """The logits at some places of a batch, which are all that is computed where the module allows it."""
    with _read_at(module, ids.shape, row, position):
        logits = module(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return logits[row, position] if logits.shape[:2] == ids.shape else logits[0]


def _of_part(module: Any, texts: Sequence[TokenSequence]) -> Float[Tensor, " text"]:
    import torch
    from torch.nn.utils.rnn import pad_sequence

    device = next(module.parameters()).device
    ids = pad_sequence([torch.tensor(text.ids) for text in texts], batch_first=True).to(device)
    mask = pad_sequence([torch.ones(len(text), dtype=torch.long) for text in texts], batch_first=True).to(device)
    places = [(row, p) for row, text in enumerate(texts) for p in range(text.answer_start, len(text))]
    row, position = torch.tensor(places, device=device).unbind(1)
    logits = _logits_at(module, ids, mask, row, position - 1)
    logp = logits.float().log_softmax(-1).gather(1, ids[row, position][:, None])[:, 0]
    return torch.zeros(len(texts), device=device).index_add(0, row, logp).cpu()
