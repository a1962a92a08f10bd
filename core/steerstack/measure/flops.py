"""Floating-point operations of a technique, counted as Kaplan et al. count them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from steerstack.data.questions import Question
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model

FORWARD, BACKWARD = 2, 4
"""Operations a parameter and token of one pass (arXiv 2001.08361, section 2.1)."""


def body_parameters(model: Model) -> int:
    """Number of parameters without the tables of embeddings and the unembedding (N of the paper)."""
    from torch import nn

    module = model.module
    tables = [part.weight for part in module.modules() if isinstance(part, nn.Embedding)]
    head = getattr(module.get_output_embeddings(), "weight", None)  # type: ignore[operator]  # of transformers
    left_out = {id(table) for table in (*tables, head)}
    return sum(parameter.numel() for parameter in module.parameters() if id(parameter) not in left_out)


def forward(model: Model, tokens: int) -> float:
    """Operations of running ``tokens`` tokens."""
    return float(FORWARD * body_parameters(model) * tokens)


def training(model: Model, tokens: int) -> float:
    """Operations of running ``tokens`` tokens and differentiating the loss.

    By all weights, also where most of them are frozen (adapters need up to a third less).
    """
    return float((FORWARD + BACKWARD) * body_parameters(model) * tokens)


def asked_tokens(questions: Sequence[Question]) -> int:
    """Tokens of questions with both answers; the prompt that they share is run once."""
    return sum(sum(map(len, question.pair)) - question.exhibits.answer_start for question in questions)


def tokens_of(sequences: Iterable[TokenSequence]) -> int:
    """Tokens of sequences, prompts included."""
    return sum(map(len, sequences))
