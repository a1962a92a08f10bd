"""ReFT-r1: one direction that both detects a behaviour and, added where it is detected, makes its text likely."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted
from steerstack.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.steering.intervention import Plan
    from steerstack.steering.site import Site
    from steerstack.steering.tokens import TokenSequence
    from steerstack.trace.model import Model


@final
class ReftR1(Extractor):
    """Rank-1 representation fine-tuning (AxBench): detect with ``relu(h . w)``, steer by the mean of the top k.

    Source: Wu et al., arXiv 2501.17148, section 3, and the authors' code (``LsReFT`` with
    ``TopKReLUIntervention``). At one layer every token of a sequence, prompt and answer, is moved
    by ``mean(top k of relu(h_t . w)) w``. Minimised is the mean cross-entropy (nats) of the answer
    tokens plus a weight, rising linearly from 0 to ``l1``, times the mean over sequences of the
    latents ``relu(h_t . w)`` outside the top k, summed and divided by the number of tokens. The
    gradient is cut at norm 1; w is put back on the unit sphere and the gradient's part along it
    is removed before each step. The beginning that all sequences share (the chat template's) is
    neither read nor moved.

    The authors also train on ordinary answers to other questions (``train_on_negative``), which
    enter the loss as the others do; a set of contrast pairs has none, and with contrast answers in
    their place the loss would not know which side is which, so only exhibiting answers are used.
    They start from a constant w; here it is random, with the sign by which exhibiting answers lie
    further along it than contrast ones, as a w that detects nothing at first does not learn. The
    direction is w times the mean of what training added to exhibiting sequences.
    """

    name = "reft-r1"
    paper = "arXiv 2501.17148"
    position = "response"
    differentiates = True

    layer: int | None = Field(None, ge=0, description="Layer of the direction; about half the depth if not given.")
    epochs: int = Field(3, ge=1, description="Passes over the sequences.")
    batch: int = Field(6, ge=1, description="Sequences a step.")
    learning_rate: float = Field(1e-2, gt=0, description="Learning rate of AdamW, falling linearly to 0.")
    topk: int = Field(8, ge=1, description="Number of latents whose mean is the strength.")
    l1: float = Field(5e-3, ge=0, description="Final weight of the latents outside the top k.")
    seed: int = Field(0, description="Of the start and of the order.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Train the direction."""
        import torch
        from torch.nn.functional import normalize

        from steerstack.data.questions import ask
        from steerstack_plugins.extraction.common.train import Training, by_epoch, cut, site_of, train

        model, site = pairs.model, site_of(pairs, self.layer)
        questions = ask(model.format, pairs.data, "text")
        exhibits, contrast = [q.exhibits for q in questions], [q.contrast for q in questions]
        start = shared(exhibits + contrast)
        generator = torch.Generator().manual_seed(self.seed)
        draw = normalize(torch.randn(model.width(site), generator=generator), dim=0)
        along = [_answers_along(model, side, draw, site) for side in (exhibits, contrast)]
        w = (draw if along[0] >= along[1] else -draw).requires_grad_()
        training = Training(self.epochs, self.batch, self.learning_rate, "linear", self.seed)
        steps = training.steps(len(exhibits))

        def loss(chosen: Sequence[int], step: int) -> Tensor:
            some = [exhibits[index] for index in chosen]
            return joint_loss(model, some, w, site, start=start, topk=self.topk, l1=self.l1 * step / steps)

        def on_sphere() -> None:
            assert w.grad is not None
            cut(w)
            with torch.no_grad():
                w.copy_(normalize(w, dim=0))
                w.grad -= (w.grad @ w) * w

        curve = train(w, len(exhibits), loss, training, before_step=on_sphere, progress=pairs.advance)
        unit = normalize(w.detach(), dim=0)
        strength, greatest = _detected(model, exhibits, unit, site, start, self.topk)
        if strength == 0:
            raise ExtractionError(
                "The direction detects nothing in the exhibiting answers.",
                seen=f"loss {curve[0]:.3f} to {curve[-1]:.3f} in {len(curve)} steps",
                fix="Train for longer, at another layer, or from another seed.",
            )
        record = {
            "loss": curve,
            "loss_by_epoch": by_epoch(curve, training),
            "strength": strength,
            "strength_on_contrast": _detected(model, contrast, unit, site, start, self.topk)[0],
            "greatest_latent": greatest,
        }
        return Fitted({site.layer: strength * unit}, record=record)


def shared(sequences: Sequence[TokenSequence]) -> int:
    """Length of the beginning that all sequences share, no longer than the shortest prompt."""
    first = sequences[0].ids
    limit = min(s.answer_start for s in sequences)
    return next((p for p in range(limit) if any(s.ids[p] != first[p] for s in sequences)), limit)


def projections(
    model: Model, sequences: Sequence[TokenSequence], w: Float[Tensor, " d_model"], site: Site
) -> list[Float[Tensor, " token"]]:
    """``h . w`` at each token of each sequence; h does not depend on w, which acts after it."""
    from steerstack.engine.hidden import hidden_states

    hidden = hidden_states(model, sequences, [site])[site].float().cpu()
    return [h[: len(s)] @ w for h, s in zip(hidden, sequences, strict=True)]


def joint_loss(
    model: Model,
    sequences: Sequence[TokenSequence],
    w: Float[Tensor, " d_model"],
    site: Site,
    *,
    start: int,
    topk: int,
    l1: float,
) -> Float[Tensor, ""]:
    """Cross-entropy of the answers under the intervention, plus the weighted latents outside the top k."""
    import torch

    from steerstack.engine.gradients import differentiable

    latents = [along[start:].relu() for along in projections(model, sequences, w, site)]
    top = [latent.topk(min(topk, len(latent))).values for latent in latents]
    plans = [_everywhere_from(start, best.mean() * w, site) for best in top]
    tokens = sum(len(s) - s.answer_start for s in sequences)
    nll = -differentiable(model, sequences, plans).logp.sum().cpu() / tokens
    rest = [(latent.sum() - best.sum()) / len(latent) for latent, best in zip(latents, top, strict=True)]
    return nll + l1 * torch.stack(rest).mean()


def _everywhere_from(start: int, shift: Float[Tensor, " d_model"], site: Site) -> Plan:
    """The shift at every token, taken back at the first ``start``."""
    from steerstack.engine.gradients import Shift
    from steerstack.steering.intervention import Plan
    from steerstack.steering.tokens import Tokens

    edit = Shift(site, shift, selection=Tokens("all"))
    return Plan((edit, Shift(site, -shift, selection=Tokens.at(*range(start)))) if start else (edit,))


PART = 8
"""Sequences of one pass that is only read."""


def _all_projections(
    model: Model, sequences: Sequence[TokenSequence], w: Float[Tensor, " d_model"], site: Site
) -> list[Float[Tensor, " token"]]:
    parts = (sequences[at : at + PART] for at in range(0, len(sequences), PART))
    return [along for part in parts for along in projections(model, part, w, site)]


def _answers_along(model: Model, sequences: Sequence[TokenSequence], w: Float[Tensor, " d_model"], site: Site) -> float:
    """Mean over sequences of ``h . w`` averaged over the answer."""
    coordinates = _all_projections(model, sequences, w, site)
    return sum(float(along[s.answer_start :].mean()) for along, s in zip(coordinates, sequences, strict=True)) / len(
        coordinates
    )


def _detected(
    model: Model, sequences: Sequence[TokenSequence], w: Float[Tensor, " d_model"], site: Site, start: int, topk: int
) -> tuple[float, float]:
    """Mean over sequences of the mean of the top k latents, and the greatest latent."""
    latents = [along[start:].relu() for along in _all_projections(model, sequences, w, site)]
    means = [float(latent.topk(min(topk, len(latent))).values.mean()) for latent in latents]
    return sum(means) / len(means), max(float(latent.max()) for latent in latents)
