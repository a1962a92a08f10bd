"""Rank-1 LoReFT: one learned edit of the residual stream, trained to give the exhibiting answer."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from pydantic import Field

from steerstack.contracts import Baseline, Tuned
from steerstack.steering.intervention import SelectiveIntervention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.data.items import DataSet
    from steerstack.steering.intervention import Plan
    from steerstack.steering.site import Site
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


@final
@dataclass(frozen=True, eq=False, repr=False)
class LearnedCoordinate(SelectiveIntervention):
    """``h + r (w . h + b - r . h)``: the coordinate along the unit vector r becomes ``w . h + b``."""

    direction: Float[Tensor, " d_model"]
    source: Float[Tensor, " d_model"]
    bias: Float[Tensor, ""]

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations with the coordinate learned anew."""
        wide = hidden.float()
        direction, source, bias = (part.to(wide) for part in (self.direction, self.source, self.bias))
        change = wide @ (source - direction) + bias
        return (wide + change[..., None] * direction).to(hidden.dtype)


@final
class Rank1Reft(Baseline):
    """Low-rank linear representation fine-tuning (LoReFT) of rank 1 at one layer; the weights are frozen.

    Wu et al., arXiv 2404.03592, eq. 2: ``h + R^T (W h + b - R h)``, where R has orthonormal rows,
    here one unit row r. Trained by cross-entropy on the tokens of the exhibiting answers (AdamW,
    linear decay); the number of epochs, from 0 to ``epochs``, is chosen by the same loss on
    validation. What comes out is an edit, not new weights: ``2 d_model + 1`` parameters.

    Two things differ. The authors edit the first and the last tokens of the prompt, at several
    layers; here it is the tokens at which a vector would be added, at one layer. They start from a
    random W; here ``W = R`` and ``b = 0``, which changes nothing, so that 0 epochs is the model as
    it was. r is kept at norm 1 by dividing by its norm in every step.
    """

    name = "rank1-reft"
    paper = "arXiv 2404.03592"
    trains: ClassVar[bool] = False
    differentiates: ClassVar[bool] = True

    layer: int | None = Field(None, ge=0, description="Layer of the edit; about half the depth if not given.")
    tokens: Literal["all", "prompt", "response", "last"] = Field("response", description="Tokens that are edited.")
    learning_rate: float = Field(1e-2, gt=0, description="Learning rate of AdamW, falling linearly to 0.")
    epochs: int = Field(5, ge=0, description="At most; the number is chosen on validation.")
    batch: int = Field(8, ge=1, description="Items a step.")

    def tune(self, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
        """Train the edit.

        Raises
        ------
        SiteError
            The model has no such layer.
        """
        import torch

        from steerstack.data.questions import ask
        from steerstack.measure import flops as costs
        from steerstack.steering.intervention import Plan
        from steerstack.steering.site import Site
        from steerstack_plugins.baselines.common.rates import account
        from steerstack_plugins.extraction.common.train import Training
        from steerstack_plugins.extraction.common.train import train as train_flat

        began = time.monotonic()
        site = Site("resid_post", (model.n_layers - 1) // 2 if self.layer is None else self.layer)
        model.check_site(site)
        texts, validation_texts = (
            [question.exhibits for question in ask(model.format, data, "text")] for data in (train, validation)
        )
        generator = torch.Generator().manual_seed(seed)
        row = torch.nn.functional.normalize(torch.randn(model.width(site), generator=generator), dim=0)
        flat = torch.cat([row, row, torch.zeros(1)]).requires_grad_()
        training = Training(self.epochs, self.batch, self.learning_rate, "linear", seed)
        snapshots: list[Tensor] = []

        def loss(chosen: Sequence[int], step: int) -> Tensor:
            if step == len(snapshots) * training.steps(len(texts)) // self.epochs:
                snapshots.append(flat.detach().clone())
            return answer_loss(model, [texts[index] for index in chosen], self.plan(flat, site))

        curve = train_flat(flat, len(texts), loss, training) if self.epochs else []
        snapshots.append(flat.detach().clone())
        values = [_validate(model, validation_texts, self.plan(one, site)) for one in snapshots]
        best = min(range(len(values)), key=values.__getitem__)
        record = {
            **self.parameters(),
            "layer": site.layer,
            **account(len(train), curve, values, best),
        }
        flops = costs.training(model, self.epochs * costs.tokens_of(texts))
        flops += costs.forward(model, len(values) * costs.tokens_of(validation_texts))
        plan = self.plan(snapshots[best], site) if best else Plan()
        return Tuned(model, flat.numel(), time.monotonic() - began, record, flops=flops, plan=plan)

    def plan(self, flat: Float[Tensor, " parameter"], site: Site) -> Plan:
        """The edit that r (of any norm), w and b, one after the other, make."""
        from torch.nn.functional import normalize

        from steerstack.steering.intervention import Plan
        from steerstack.steering.tokens import Tokens

        width = len(flat) // 2
        direction = normalize(flat[:width], dim=0)
        return Plan((LearnedCoordinate(site, direction, flat[width:-1], flat[-1], selection=Tokens(self.tokens)),))


def answer_loss(model: Model, texts: Sequence[TokenSequence], plan: Plan) -> Float[Tensor, ""]:
    """Mean cross-entropy (nats) per answer token under a plan, with its graph."""
    from steerstack.engine.gradients import differentiable

    tokens = sum(len(text) - text.answer_start for text in texts)
    return -differentiable(model, texts, plan).logp.sum().cpu() / tokens


def _validate(model: Model, texts: Sequence[TokenSequence], plan: Plan) -> float:
    """Mean cross-entropy (nats) per answer token."""
    from steerstack.engine.score import score

    (scores,) = score(model, [(text,) for text in texts], [plan])
    logp = [value for group in scores.tokens for value in group[0]]
    return -sum(logp) / len(logp)
