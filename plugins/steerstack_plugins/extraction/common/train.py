"""What trained directions share: the layer, the loop over shuffled minibatches, and the record of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.steering.site import Site


def site_of(pairs: PairStream, layer: int | None) -> Site:
    """Where a direction is trained: at the stream's component, at ``layer``, or about half the depth for None.

    Half the depth is block ``(n_layers - 1) // 2`` (15 of 32, as BiPO uses on Llama-2-7B), or the
    nearest of the layers asked for.

    Raises
    ------
    SiteError
        The model has no such layer.
    """
    from steerstack.steering.site import Site

    middle = (pairs.model.n_layers - 1) // 2
    number = min(pairs.layers, key=lambda one: abs(one - middle)) if layer is None else layer
    site = Site(pairs.component, number)
    pairs.model.check_site(site)
    return site


@dataclass(frozen=True)
class Training:
    """How a direction is trained.

    Attributes
    ----------
    epochs, batch:
        Passes over the data, and items a step.
    learning_rate:
        Learning rate of AdamW, without weight decay.
    schedule:
        How the learning rate falls to 0 over the steps.
    seed:
        Of the order of the items.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: Literal["cosine", "linear"]
    seed: int

    def steps(self, items: int) -> int:
        """Number of steps in all."""
        return self.epochs * -(-items // self.batch)


def train(
    direction: Float[Tensor, " d_model"],
    items: int,
    loss: Callable[[Sequence[int], int], Float[Tensor, ""]],
    training: Training,
    *,
    before_step: Callable[[], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[float]:
    """Train a direction in place.

    Parameters
    ----------
    direction:
        A leaf that requires gradients.
    items:
        How many items there are.
    loss:
        From the items of a minibatch and the number of the step to the loss.
    training:
        How.
    before_step:
        Called when the gradients are there, before the optimiser moves.
    progress:
        Told how many items' worth of the whole training is done since the last call.

    Returns
    -------
    list of float
        The loss at each step.
    """
    import torch
    from transformers import get_scheduler

    optimiser = torch.optim.AdamW([direction], lr=training.learning_rate, weight_decay=0.0)
    steps = training.steps(items)
    schedule = get_scheduler(training.schedule, optimiser, num_warmup_steps=0, num_training_steps=steps)
    generator = torch.Generator().manual_seed(training.seed)
    curve: list[float] = []
    with torch.enable_grad():
        for _ in range(training.epochs):
            order = torch.randperm(items, generator=generator).tolist()
            for at in range(0, items, training.batch):
                value = loss(order[at : at + training.batch], len(curve))
                (direction.grad,) = torch.autograd.grad(value, direction)
                if before_step:
                    before_step()
                optimiser.step()
                schedule.step()
                curve.append(float(value.detach()))
                if progress:
                    amount = len(curve) * items // steps - (len(curve) - 1) * items // steps
                    progress(amount)
    return curve


def by_epoch(curve: Sequence[float], training: Training) -> list[float]:
    """Mean loss of each epoch."""
    size = max(1, len(curve) // max(1, training.epochs))
    return [sum(curve[at : at + size]) / size for at in range(0, len(curve), size)]
