"""A supervised direction: trained to make the exhibiting answers likely."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pydantic import Field

from steerstack.contracts import Extractor, Fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from steerstack.contracts import PairStream


@final
class Supervised(Extractor):
    """One direction at one layer, trained by the language-model loss on the exhibiting answers; the model is frozen.

    Source: the supervised steering vector (SSV) of AxBench, arXiv 2501.17148, section 3: v is added
    to the residual stream and minimises the mean cross-entropy (nats) of the tokens of the
    exhibiting answers. The contrast answers are not used, so v also holds whatever else makes
    these texts likely (their style, their length). Here v starts at zero, and by default it is
    added at every position.
    """

    name = "supervised"
    paper = "arXiv 2501.17148"
    position = "response"
    differentiates = True

    layer: int | None = Field(None, ge=0, description="Layer of the direction; about half the depth if not given.")
    epochs: int = Field(3, ge=1, description="Passes over the items.")
    batch: int = Field(8, ge=1, description="Items a step.")
    learning_rate: float = Field(1e-2, gt=0, description="Learning rate of AdamW, falling linearly to 0.")
    tokens: Literal["all", "response"] = Field("all", description="Positions at which v is added in training.")
    seed: int = Field(0, description="Of the order of the items.")

    def fit(self, pairs: PairStream) -> Fitted:
        """Train the direction."""
        import torch

        from steerstack.data.questions import ask
        from steerstack.engine.gradients import Shift, differentiable
        from steerstack.steering.intervention import Plan
        from steerstack.steering.tokens import Tokens
        from steerstack_plugins.extraction.common.train import Training, by_epoch, site_of, train

        model, site = pairs.model, site_of(pairs, self.layer)
        texts = [question.exhibits for question in ask(model.format, pairs.data, "text")]
        direction = torch.zeros(model.width(site), requires_grad=True)
        training = Training(self.epochs, self.batch, self.learning_rate, "linear", self.seed)
        plan = Plan((Shift(site, direction, selection=Tokens(self.tokens)),))

        def loss(chosen: Sequence[int], _step: int) -> Tensor:
            some = [texts[index] for index in chosen]
            count = sum(len(text) - text.answer_start for text in some)
            return -differentiable(model, some, plan).logp.sum().cpu() / count

        curve = train(direction, len(texts), loss, training, progress=pairs.advance)
        record = {"loss": curve, "loss_by_epoch": by_epoch(curve, training), "tokens": self.tokens}
        return Fitted({site.layer: direction.detach()}, record=record)
