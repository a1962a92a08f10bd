"""Beside the log-probability of each answer token, the tokens that the model found likeliest in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.answers import Group, read_answers
from steerstack.engine.layout.batches import TOKENS
from steerstack.engine.layout.readout import Readout
from steerstack.engine.layout.tree import Tree
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Plan
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

    def guess(values: list[float]) -> Guess:
        return Guess(
            values[0], tuple((int(token), logp) for logp, token in zip(values[1 : k + 1], values[k + 1 :], strict=True))
        )

    return [[[guess(values) for values in sequence] for sequence in group] for group in results]
