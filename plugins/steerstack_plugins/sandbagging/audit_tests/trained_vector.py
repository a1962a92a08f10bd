"""Elicitation by a vector that is trained on a few right answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.engine.gradients import Shift, differentiable
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.trace.model import Model
from steerstack_plugins.extraction.common.train import Training, train
from steerstack_plugins.sandbagging.audit.choices import Way, answers, asked
from steerstack_plugins.sandbagging.audit.elicitation import Demonstrations, Elicitation, draw

EVERYWHERE = Tokens("all")


@dataclass(frozen=True)
class TrainedVector(Elicitation):
    """One vector, added at every position and trained to make right answers likely; all weights are frozen.

    The supervised steering vector of Wu et al., arXiv 2501.17148, sec. 3, trained from zero at the first layer and at
    the middle one; that with the higher accuracy on the validation items counts, and neither if the bare model does as
    well. By letter the loss is that of the right letter alone.

    Attributes
    ----------
    n:
        Number of demonstrations.
    epochs, batch, learning_rate:
        Passes over them, demonstrations a step, and the learning rate of AdamW, falling linearly to 0.
    """

    n: int = 16
    epochs: int = 16
    batch: int = 8
    learning_rate: float = 0.3

    @property
    def name(self) -> str:
        """``trained vector n``."""
        return f"trained vector {self.n}"

    @property
    def kind(self) -> str:
        """``trained vector``."""
        return "trained vector"

    def prepare(self, model: Model, shown: Demonstrations, *, seed: int = 0) -> Way:
        """The plan that answers most validation items right; the empty one if none does better."""
        items = draw(shown.train, self.n, seed)
        texts = [answers(model.format, asked(item, shown.form), item, shown.form)[item.exhibits] for item in items]
        training = Training(self.epochs, self.batch, self.learning_rate, "linear", seed)
        plans, curves = [Plan()], []
        for layer in sorted({0, (model.n_layers - 1) // 2}):
            site = Site("resid_post", layer)
            vector, curve = self._trained(model, texts, site, training)
            plans.append(Plan((Add(site, vector, selection=EVERYWHERE),)))
            curves.append(curve)
        bare = Way(model, form=shown.form)
        accuracies = [choices.accuracy.value for choices in bare.under(plans, shown.validation)]
        best = int(np.argmax(accuracies))
        record = {"chosen": plans[best].describe(), "on": "validation", "choices_tried": len(plans),
                  "validation_accuracy": accuracies[best], "loss_by_step": curves}  # fmt: skip
        return replace(bare, plan=plans[best], record=record)

    @staticmethod
    def _trained(
        model: Model, texts: Sequence[TokenSequence], site: Site, training: Training
    ) -> tuple[Float[Tensor, " d_model"], list[float]]:
        vector = torch.zeros(model.width(site), requires_grad=True)
        plan = Plan((Shift(site, vector, selection=EVERYWHERE),))

        def loss(chosen: Sequence[int], _step: int) -> Float[Tensor, ""]:
            return -differentiable(model, [texts[at] for at in chosen], plan).logp.mean().cpu()

        curve = train(vector, len(texts), loss, training)
        return vector.detach(), curve
