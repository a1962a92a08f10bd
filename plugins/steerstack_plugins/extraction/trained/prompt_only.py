"""Prompt-only steering vectors: a direction and its strength, trained together, that act at the prompt's ends alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Edit, Extractor, Fitted
from steerstack.errors import ParameterError, VectorError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.steering.vector import SteeringVector

PART = "positions"
"""The part of the vector that says where it acts: 0-based positions of the prompt, negative ones from its end."""


@final
class PromptOnly(Extractor):
    """A vector added at a few tokens of the prompt and at no token that is generated; its strength is trained with it.

    Source: Bao et al., arXiv 2605.05983 (PrOSV), and the authors' code (``AdditionFreeIntervention``). At the
    first ``first`` and the last ``last`` tokens of the prompt ``h + a w`` is put for h, and the number a and
    the vector w are trained by Adam at rates of their own, both falling linearly to 0, with the gradient of w
    cut at norm 1. ``objective="language"`` minimises the mean cross-entropy (nats) of the exhibiting answers'
    tokens; ``"preference"`` minimises ``-log sigmoid(D+)`` of RePS (arXiv 2505.20809), which the contrast
    answers enter too. The vector is a w: it acts by the edit ``prompt-ends``, at scale 1 unless told otherwise.

    The authors' starts and rates are those of Gemma and Qwen. Here w starts at random with norm 1, and a at
    ``start`` times the median norm of the training texts' activations at the layer; ``learning_rate`` is in
    shares of w's usual coordinate at the start (about 0.4 in their code), ``factor_rate`` in shares of that
    norm (about a twentieth of their start). The prompt is all that precedes the answer, with the assistant's header.
    """

    name = "prompt-only"
    paper = "arXiv 2605.05983"
    position = "response"
    differentiates = True
    scales: ClassVar[tuple[float, ...] | None] = (1.0,)

    layer: int | None = Field(None, ge=0, description="Layer of the direction; about half the depth if not given.")
    first: int = Field(2, ge=0, description="Tokens at the beginning of the prompt that are edited.")
    last: int = Field(2, ge=0, description="Tokens at the end of the prompt that are edited.")
    objective: Literal["language", "preference"] = Field("language", description="What is minimised.")
    epochs: int = Field(6, ge=1, description="Passes over the items; 12 in the paper.")
    batch: int = Field(8, ge=1, description="Items a step; 6 or 12 in the paper.")
    start: float = Field(0.5, gt=0, allow_inf_nan=False, description="Strength at the start, of the residual norm.")
    learning_rate: float = Field(0.2, gt=0, description="Adam's rate for w, in shares of its usual coordinate.")
    factor_rate: float = Field(0.05, gt=0, description="Adam's rate for a, in shares of the residual norm.")
    seed: int = Field(0, description="Of the start, and of the order of the items.")

    def positions(self) -> tuple[int, ...]:
        """The edited positions of the prompt.

        Raises
        ------
        ParameterError
            There are none.
        """
        if not self.first + self.last:
            raise ParameterError(
                "prompt-only edits no token.", seen="first 0, last 0", fix="Give first, last, or both above 0."
            )
        return (*range(self.first), *range(-self.last, 0))

    def fit(self, pairs: PairStream) -> Fitted:
        """Train direction and strength."""
        import torch
        from torch.nn.functional import logsigmoid, normalize

        from steerstack.engine.gradients import Shift, differentiable
        from steerstack_plugins.extraction.common.train import (
            Training,
            by_epoch,
            cut,
            questions_of,
            site_of,
            train,
            usual_norm,
        )
        from steerstack_plugins.extraction.trained.reps import bare_log_probabilities, lengths, margin

        model, site, positions = pairs.model, site_of(pairs, self.layer), self.positions()
        questions = questions_of(pairs)
        norm, width = usual_norm(model, questions, site), model.width(site)
        drawn = torch.randn(width, generator=torch.Generator().manual_seed(self.seed))
        w, a = normalize(drawn, dim=0).requires_grad_(), torch.tensor(self.start * norm, requires_grad=True)
        if self.objective == "preference":
            reference = bare_log_probabilities(model, questions)

        def loss(chosen: Sequence[int], _step: int) -> Tensor:
            some = [questions[index] for index in chosen]
            plan = Plan((Shift(site, a * w, selection=Tokens.at(*positions)),))
            if self.objective == "language":
                texts = [question.exhibits for question in some]
                count = sum(len(text) - text.answer_start for text in texts)
                return -differentiable(model, texts, plan).logp.sum().cpu() / count
            logp = differentiable(model, [text for question in some for text in question.pair], plan).logp
            return -logsigmoid(margin(logp.cpu().reshape(-1, 2) / lengths(some), reference[list(chosen)], 0)).mean()

        training = Training(self.epochs, self.batch, self.learning_rate / width**0.5, "linear", self.seed)
        others = [(a, self.factor_rate * norm)]
        curve = train(
            w, len(questions), loss, training, others=others, before_step=lambda: cut(w), progress=pairs.advance
        )
        record = {"loss": curve, "loss_by_epoch": by_epoch(curve, training), "factor": float(a.detach()), "unit": norm}
        where = torch.tensor(positions, dtype=torch.float32)
        direction = (a * w).detach()
        return Fitted({site.layer: direction}, edit="prompt-ends", parts={PART: {site.layer: where}}, record=record)


@final
class PromptEnds(Edit):
    """Add ``scale * v`` at the positions of the prompt that the vector names, and nowhere else.

    Source: Bao et al., arXiv 2605.05983. The positions are the vector's own (its part ``positions``, negative
    ones from the end of the prompt): the selection of tokens is not used, and no generated token is edited.
    A position that two of them name is edited once; shorter prompts are refused when they are run.
    """

    name = "prompt-ends"
    paper = "arXiv 2605.05983"

    def plan(self, vector: SteeringVector, layer: int, scale: float, tokens: Tokens) -> Plan:
        """One addition, at all the positions."""
        from steerstack.steering.edits import Add

        where = vector.part(PART, layer).tolist()
        if not where or any(position != int(position) for position in where):
            raise VectorError(
                f"The vector's positions at layer {layer} are not whole numbers.",
                seen=", ".join(f"{position:g}" for position in where) or "none",
                fix="Extract it again by prompt-only.",
            )
        at = Tokens.at(*(int(position) for position in where))
        return Plan((Add(vector.site(layer), vector[layer], scale, selection=at),))
