"""RePS: a direction trained by preference, which brings an answer about when added and keeps it out when removed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

from pydantic import Field, field_validator

from steerstack.contracts import Extractor, Fitted
from steerstack.steering.intervention import SelectiveIntervention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.data.questions import Question
    from steerstack.steering.site import Site
    from steerstack.steering.tokens import Tokens
    from steerstack.trace.model import Model


@final
class RePS(Extractor):
    """Reference-free preference steering of one direction at one layer; the model is frozen.

    Source: Wu et al., arXiv 2505.20809, section 3, for rank-1 steering vectors, and the authors' code
    (``scaled_simpo`` in AxBench). With the exhibiting answer c, the contrast answer o, their lengths
    ``|c|`` and ``|o|`` in tokens, and the bare model's log-probabilities log p, the mean over pairs of
    ``-log sigmoid(D+) - log sigmoid(D-)`` is minimised::

        D+ = b+ / |c| log p(c | h + a v) - 1 / |o| log p(o | h + a v),  b+ = max(log p(o) - log p(c), 1)
        D- = b- / |o| log p(o | null(h)) - 1 / |c| log p(c | null(h)),  b- = max(log p(c) - log p(o), 1)

    where ``null(h) = h - relu(h . u) u`` with the unit vector u along v, and the factor a is drawn from
    ``factors`` for each pair. ``tokens`` are edited. The bare model decides nothing but b+ and b-, which
    are constants.

    The authors' factors (2 to 20) and rate (0.04 to 0.08) are those of Gemma. Here a factor is a share of
    the median norm of the training texts' activations at the layer, in which v is measured too: v starts with that
    norm, and at scale 1 it is what the factor 1 adds. The gradient is cut at norm 1. They divide by the
    length of question and answer, where their equation has the answer's, as here; they draw a factor for
    each answer of a pair, train a bias of the factor, and leave out the opening of the chat template.
    """

    name = "reps"
    paper = "arXiv 2505.20809"
    position = "response"
    differentiates = True

    layer: int | None = Field(None, ge=0, description="Layer of the direction; about half the depth if not given.")
    epochs: int = Field(6, ge=1, description="Passes over the pairs; 18 in the paper.")
    batch: int = Field(6, ge=1, description="Pairs a step.")
    learning_rate: float = Field(
        1e-2, gt=0, description="Learning rate of AdamW, in shares of the residual norm, falling linearly to 0."
    )
    factors: tuple[float, ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5),
        min_length=1,
        description="Strengths of v in training, of which one is drawn for each pair: shares of the residual norm.",
    )
    tokens: Literal["all", "response"] = Field("all", description="Positions that are edited in training.")
    seed: int = Field(0, description="Of the start, of the order of the pairs, and of the factors.")

    @field_validator("factors")
    @classmethod
    def _add(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < factor < math.inf for factor in value):
            raise ValueError("factors are finite and above 0")
        return value

    def fit(self, pairs: PairStream) -> Fitted:
        """Train the direction."""
        import torch
        from torch.nn.functional import normalize

        from steerstack.steering.tokens import Tokens
        from steerstack_plugins.extraction.common.train import (
            Training,
            by_epoch,
            cut,
            questions_of,
            site_of,
            train,
            usual_norm,
        )

        model, site = pairs.model, site_of(pairs, self.layer)
        questions = questions_of(pairs)
        reference = bare_log_probabilities(model, questions)
        norm, draws = usual_norm(model, questions, site), torch.Generator().manual_seed(self.seed)
        w = normalize(torch.randn(model.width(site), generator=draws), dim=0).requires_grad_()
        training = Training(self.epochs, self.batch, self.learning_rate, "linear", self.seed)
        factors = torch.tensor(self.factors)

        def loss(chosen: Sequence[int], _step: int) -> Tensor:
            return bidirectional_loss(
                model,
                [questions[index] for index in chosen],
                norm * w,
                factors[torch.randint(len(factors), (len(chosen),), generator=draws)],
                reference=reference[list(chosen)],
                site=site,
                tokens=Tokens(self.tokens),
            )

        curve = train(w, len(questions), loss, training, before_step=lambda: cut(w), progress=pairs.advance)
        record = {"loss": curve, "loss_by_epoch": by_epoch(curve, training), "tokens": self.tokens, "unit": norm}
        return Fitted({site.layer: norm * w.detach()}, record=record)


@final
@dataclass(frozen=True, eq=False, repr=False)
class NullOut(SelectiveIntervention):
    """``h - relu(h . u) u``: what lies along a direction is taken away, and what lies against it stays.

    u is the unit vector along ``direction``, which carries gradients.
    """

    direction: Float[Tensor, " d_model"]

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations without their part along the direction."""
        unit = (self.direction / self.direction.norm()).to(hidden)
        return hidden - (hidden @ unit).relu()[..., None] * unit


def bidirectional_loss(
    model: Model,
    questions: Sequence[Question],
    direction: Float[Tensor, " d_model"],
    factors: Float[Tensor, " pair"],
    *,
    reference: Float[Tensor, "pair side"],
    site: Site,
    tokens: Tokens,
) -> Float[Tensor, ""]:
    """The mean loss of some pairs: of the direction added, and of the direction projected out.

    Parameters
    ----------
    model, questions, direction:
        The model, the pairs, and v.
    factors:
        How strongly v is added, by pair.
    reference:
        As :func:`bare_log_probabilities` gives it.
    site, tokens:
        Where v acts.
    """
    from torch.nn.functional import logsigmoid

    from steerstack.engine.gradients import Shift, differentiable
    from steerstack.steering.intervention import Plan

    sequences = [sequence for question in questions for sequence in question.pair]
    added = [Plan((Shift(site, factor * direction, selection=tokens),)) for factor in factors for _ in range(2)]
    nulled = [Plan((NullOut(site, direction, selection=tokens),))] * len(sequences)
    logp = differentiable(model, sequences * 2, [*added, *nulled]).logp.cpu().reshape(2, -1, 2) / lengths(questions)
    return -(logsigmoid(margin(logp[0], reference, 0)) + logsigmoid(margin(logp[1], reference, 1))).mean()


def bare_log_probabilities(model: Model, questions: Sequence[Question]) -> Float[Tensor, "pair side"]:
    """Log-probability (nats) of each answer in the bare model, the exhibiting one first."""
    import torch

    from steerstack.engine.score import score
    from steerstack.steering.intervention import Plan

    (bare,) = score(model, [question.pair for question in questions], [Plan()])
    return torch.tensor([[bare.total(index, side) for side in (0, 1)] for index in range(len(questions))])


def margin(
    logp: Float[Tensor, "pair side"], reference: Float[Tensor, "pair side"], favoured: Literal[0, 1]
) -> Float[Tensor, " pair"]:
    """D+ of the paper where the exhibiting side (0) is favoured, and D- where the other is.

    Parameters
    ----------
    logp:
        Mean log-probability (nats) of an answer's tokens under the intervention.
    reference:
        Log-probability (nats) of the whole answer in the bare model.
    favoured:
        The side that is to be the likelier one: it weighs the more, the less likely it was.
    """
    weight = (reference[:, 1 - favoured] - reference[:, favoured]).clamp(min=1)
    return weight * logp[:, favoured] - logp[:, 1 - favoured]


def lengths(questions: Sequence[Question]) -> Float[Tensor, "pair side"]:
    """Number of tokens of each answer."""
    import torch

    return torch.tensor([[float(len(s) - s.answer_start) for s in question.pair] for question in questions])
