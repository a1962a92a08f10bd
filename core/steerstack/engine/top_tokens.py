"""Beside the log-probability of each answer token, the tokens that the model found likeliest in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.answers import Group, read_answers
from steerstack.engine.layout.batches import TOKENS, room
from steerstack.engine.layout.edit_places import edits_at
from steerstack.engine.layout.readout import Readout
from steerstack.engine.layout.tree import Tree
from steerstack.engine.limits import check_fits
from steerstack.engine.overflow import check_scores
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Guess:
    """What the model said of one answer token.

    Attributes
    ----------
    logp:
        Log-probability (nats) of the token that stands there.
    likeliest:
        The likeliest tokens and their log-probabilities (nats), in falling order.
    """

    logp: float
    likeliest: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class _Likeliest(Readout):
    """Keeps the token's own log-probability, then k log-probabilities, then their k tokens."""

    k: int = 1

    @classmethod
    def of_trees(cls, k: int, trees: Sequence[Tree]) -> Self:
        """All answer tokens of all sequences."""
        plain = Readout.of(trees)
        return cls(plain.places, plain.asked, k)

    def look_up(self, logits: Float[Tensor, "place vocab"]) -> Float[Tensor, "asked kept"]:
        """In float64, which holds token ids and float32 values alike without loss."""
        own = super().look_up(logits)
        place = torch.tensor([entry[2] for entry in self.asked], device=logits.device)
        values, tokens = logits.float().topk(self.k, dim=-1)
        values = values - logits.float().logsumexp(-1, keepdim=True)
        return torch.cat([part.cpu().double() for part in (own[:, None], values[place], tokens[place])], -1)


def likeliest(
    model: Model, groups: Sequence[Group], plan: Plan, k: int = 1, *, tokens: int = TOKENS
) -> list[list[list[Guess]]]:
    """For each group, sequence and answer token, its log-probability and the k likeliest tokens there.

    Parameters
    ----------
    model, groups, plan, tokens:
        As for :func:`steerstack.engine.score.score`, for one plan.
    k:
        How many of the likeliest tokens are wanted.

    Raises
    ------
    SiteError, ModelError
        The plan does not fit the model.
    """
    prove(model)
    check_fits(model, [sequence for group in groups for sequence in group], answered=True)
    results = read_answers(model, groups, [plan], partial(_Likeliest.of_trees, k), tokens=tokens)[0]

    return [[[guess_of(values, k) for values in sequence] for sequence in group] for group in results]


def guess_of(values: Sequence[float], k: int) -> Guess:
    """What was kept of one token: its log-probability, then k log-probabilities, then their k tokens."""
    return Guess(
        values[0], tuple((int(token), logp) for logp, token in zip(values[1 : k + 1], values[k + 1 :], strict=True))
    )


def likeliest_anywhere(
    model: Model, texts: Sequence[TokenSequence], starts: Sequence[int], plan: Plan, k: int = 1, *, tokens: int = TOKENS
) -> list[list[Guess]]:
    """The same for all tokens of each text from a place on, those of the prompt included.

    Every text is run whole, in a row of its own: an edit of the prompt changes what is read there.

    Parameters
    ----------
    texts:
        What is run.
    starts:
        For each text, the first token whose log-probability is wanted: 1 or more.
    model, plan, k, tokens:
        As for :func:`likeliest`.

    Raises
    ------
    SiteError, ModelError
        The plan does not fit the model.
    DataError
        A text does not.
    """
    prove(model)
    model.check_plan(plan)
    check_fits(model, texts, answered=True)
    results: list[list[Guess]] = [[] for _ in texts]
    pending = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    while pending:
        size = room(model, [len(texts[index]) for index in pending], tokens)
        chunk, pending = pending[:size], pending[size:]
        readout = _read_from([texts[index] for index in chunk], [starts[index] for index in chunk], k)
        if not readout.asked:
            continue
        values = _read(model, [texts[index] for index in chunk], plan, readout)
        for index, of_text in zip(chunk, readout.by_sequence(values, len(chunk)), strict=True):
            results[index] = [guess_of(value, k) for part in of_text for value in part]
    check_scores(model, plan, [[[guess.logp for guess in of_text]] for of_text in results])
    return results


def guesses(logits: Float[Tensor, "token vocab"], text: TokenSequence, start: int, k: int = 1) -> list[Guess]:
    """The same from the logits at every token of one text, as other backends give them."""
    readout = _read_from([text], [start], k)
    if not readout.asked:
        return []
    return [guess_of(value, k) for value in readout.look_up(logits[start - 1 : len(text) - 1]).tolist()]


def _read_from(texts: Sequence[TokenSequence], starts: Sequence[int], k: int) -> _Likeliest:
    asked = [
        (row, position)
        for row, (text, start) in enumerate(zip(texts, starts, strict=True))
        for position in range(start, len(text))
    ]
    return _Likeliest(
        tuple((row, position - 1) for row, position in asked),
        tuple((row, 0, place, texts[row].ids[position]) for place, (row, position) in enumerate(asked)),
        k,
    )


def _read(model: Model, texts: Sequence[TokenSequence], plan: Plan, readout: _Likeliest) -> Tensor:
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(text.ids) for text in texts], batch_first=True)
    exist = torch.arange(ids.shape[1])[None] < torch.tensor([len(text) for text in texts])[:, None]
    edits = edits_at(
        [plan],
        lambda edit, _: [(row, place) for row, text in enumerate(texts) for place in edit.tokens.positions(text)],
    )
    head = lambda hidden: hidden[readout.rows, readout.nodes]  # noqa: E731
    values: Tensor = run(model, Pass(ids, exist, edits=edits, head=head, logits=readout.look_up)).logits
    return values
