"""What trained directions share: the layer, the loop over shuffled minibatches, and the record of the loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jaxtyping import Float
    from torch import Tensor

    from steerstack.contracts import PairStream
    from steerstack.data.questions import Question
    from steerstack.steering.site import Site
    from steerstack.trace.model import Model


def questions_of(pairs: PairStream) -> list[Question]:
    """Every item as a question with both answers' texts, in an order that depends on their content alone.

    Raises
    ------
    DegenerateDirectionError
        An item's answers are the same: training would leave the direction where it began.
    """
    from steerstack.data.questions import ask
    from steerstack.errors import DegenerateDirectionError

    questions = sorted(
        ask(pairs.model.format, pairs.data, "text"), key=lambda one: sorted(side.ids for side in one.pair)
    )
    same = next((one for one in questions if one.exhibits.ids == one.contrast.ids), None)
    if same is not None:
        raise DegenerateDirectionError(
            "The two answers of an item are the same.",
            seen=f"item {same.item.id}",
            fix="Check the pairs: a preference needs two answers.",
        )
    return questions


PART = 8
"""Texts of one pass that is only read."""


def usual_norm(model: Model, questions: Sequence[Question], site: Site) -> float:
    """Median norm of the bare model's activations at a site, over all tokens of the exhibiting texts but the first.

    Many models park huge activations at the first token.
    """
    import torch

    from steerstack.engine.hidden import hidden_states

    texts = [question.exhibits for question in questions]
    norms: list[Tensor] = []
    for at in range(0, len(texts), PART):
        part = texts[at : at + PART]
        hidden = hidden_states(model, part, [site])[site].detach().float().cpu()
        norms += [row[1 : len(text)].norm(dim=-1) for row, text in zip(hidden, part, strict=True)]
    return float(torch.cat(norms).median())


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
    others: Sequence[tuple[Tensor, float]] = (),
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
    others:
        Further leaves that are trained, each with its learning rate.
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

    leaves = [(direction, training.learning_rate), *others]
    optimiser = torch.optim.AdamW([{"params": [leaf], "lr": rate} for leaf, rate in leaves], weight_decay=0.0)
    steps = training.steps(items)
    schedule = get_scheduler(training.schedule, optimiser, num_warmup_steps=0, num_training_steps=steps)
    generator = torch.Generator().manual_seed(training.seed)
    curve: list[float] = []
    with torch.enable_grad():
        for _ in range(training.epochs):
            order = torch.randperm(items, generator=generator).tolist()
            for at in range(0, items, training.batch):
                value = loss(order[at : at + training.batch], len(curve))
                for (leaf, _), gradient in zip(leaves, torch.autograd.grad(value, [x for x, _ in leaves]), strict=True):
                    leaf.grad = gradient
                if before_step:
                    before_step()
                optimiser.step()
                schedule.step()
                curve.append(float(value.detach()))
                if progress:
                    amount = len(curve) * items // steps - (len(curve) - 1) * items // steps
                    progress(amount)
    return curve


def cut(direction: Float[Tensor, " d_model"]) -> None:
    """Cut the gradient of a direction at norm 1."""
    import torch

    torch.nn.utils.clip_grad_norm_([direction], 1.0)


def by_epoch(curve: Sequence[float], training: Training) -> list[float]:
    """Mean loss of each epoch."""
    size = max(1, len(curve) // max(1, training.epochs))
    return [sum(curve[at : at + size]) / size for at in range(0, len(curve), size)]
