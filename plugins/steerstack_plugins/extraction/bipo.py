"""BiPO: a direction trained by preference between two answers, in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted

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
class BiPO(Extractor):
    """Bi-directional preference optimisation of one direction at one layer; the model is frozen.

    Source: Cao et al., arXiv 2406.00045, eq. 3, and the authors' code. Each step draws one d from
    {-1, +1} and minimises, over the pairs of a minibatch, the mean of ``-log sigmoid(d * beta *
    [log pi(r_T | h + d v) / pi(r_T | h) - log pi(r_O | h + d v) / pi(r_O | h)])``, with ``pi`` the
    probability of a whole answer's text given its question (the item's own system prompt, no
    other). v starts at zero.

    The authors add v at every position, prompt and answer (``tokens="all"``), train for up to 20
    epochs with a warm-up of 100 steps, and end each answer by an end-of-text token; here there is
    no warm-up and no such token, and the default is 3 epochs. After few steps of AdamW all
    coordinates are of like size, and the norm is small: choose the scale by the effect.
    """

    name = "bipo"
    paper = "arXiv 2406.00045"
    position = "response"
    differentiates = True

    layer: int | None = Field(None, ge=0, description="Layer of the direction; about half the depth if not given.")
    epochs: int = Field(3, ge=1, description="Passes over the pairs; 20 in the paper.")
    batch: int = Field(4, ge=1, description="Pairs a step.")
    beta: float = Field(0.1, gt=0, description="Temperature of the preference.")
    learning_rate: float = Field(5e-4, gt=0, description="Learning rate of AdamW, falling to 0 by a cosine.")
    tokens: Literal["all", "response"] = Field("all", description="Positions at which v is added in training.")
    seed: int = Field(0, description="Of the order of the pairs and of d.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Train the direction."""
        import torch

        from steerstack.data.questions import ask
        from steerstack.engine.score import score
        from steerstack.steering.intervention import Plan
        from steerstack.steering.tokens import Tokens
        from steerstack_plugins.extraction.common.train import Training, by_epoch, site_of, train

        model, site = pairs.model, site_of(pairs, self.layer)
        questions = ask(model.format, pairs.data, "text")
        (scores,) = score(model, [question.pair for question in questions], [Plan()])
        reference = torch.tensor([[scores.total(index, side) for side in (0, 1)] for index in range(len(questions))])
        direction = torch.zeros(model.width(site), requires_grad=True)
        training = Training(self.epochs, self.batch, self.learning_rate, "cosine", self.seed)
        signs = torch.Generator().manual_seed(self.seed)

        def loss(chosen: Sequence[int], _step: int) -> Tensor:
            d = 2 * int(torch.randint(2, (), generator=signs)) - 1
            return preference_loss(
                model,
                [questions[index] for index in chosen],
                direction,
                d,
                beta=self.beta,
                reference=reference[list(chosen)],
                site=site,
                tokens=Tokens(self.tokens),
            )

        curve = train(direction, len(questions), loss, training, progress=pairs.advance)
        record = {"loss": curve, "loss_by_epoch": by_epoch(curve, training), "tokens": self.tokens}
        return Fitted({site.layer: direction.detach()}, record=record)


def preference_loss(
    model: Model,
    questions: Sequence[Question],
    direction: Float[Tensor, " d_model"],
    d: int,
    *,
    beta: float,
    reference: Float[Tensor, "pair side"],
    site: Site,
    tokens: Tokens,
) -> Float[Tensor, ""]:
    """The mean loss of some pairs (eq. 3 of the paper) for one d.

    Parameters
    ----------
    model, questions, direction, d:
        The model, the pairs, v and its sign.
    beta:
        Temperature.
    reference:
        Log-probability (nats) of each answer without v, the exhibiting one first.
    site, tokens:
        Where v is added.
    """
    from torch.nn.functional import logsigmoid

    from steerstack.engine.gradients import Shift, differentiable
    from steerstack.steering.intervention import Plan

    plan = Plan((Shift(site, d * direction, selection=tokens),))
    sequences = [sequence for question in questions for sequence in question.pair]
    ratio = differentiable(model, sequences, plan).logp.cpu().reshape(-1, 2) - reference
    return -logsigmoid(d * beta * (ratio[:, 0] - ratio[:, 1])).mean()
