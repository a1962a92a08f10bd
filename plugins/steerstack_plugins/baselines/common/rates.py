"""A search over learning rates and numbers of steps, as many configurations as the other techniques of a study have."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from steerstack.contracts import Tuned
    from steerstack.data.items import DataSet
    from steerstack.data.questions import ScoreMode
    from steerstack.trace.model import Model

STEPS = 24
"""Optimiser steps that a run of a search has at least: few items are seen more often."""


@dataclass(frozen=True)
class Schedule:
    """How long a run trains, and how often it is looked at on validation.

    Attributes
    ----------
    epochs:
        Passes over the items.
    every:
        Optimiser steps between looks.
    """

    epochs: int
    every: int


def grid(choices: int, rate: float) -> tuple[list[float], int]:
    """Learning rates, half a power of ten apart, and the looks at each: ``choices`` configurations in all."""
    looks = max(d for d in range(1, math.isqrt(choices) + 1) if choices % d == 0)
    return learning_rates(choices // looks, rate), looks


def learning_rates(count: int, rate: float) -> list[float]:
    """So many learning rates around one, half a power of ten apart."""
    return [rate * 10 ** ((place - count // 2) / 2) for place in range(count)]


def schedule(items: int, batch: int, epochs: int, looks: int) -> Schedule:
    """A run with so many looks, and with :data:`STEPS` steps at least."""
    steps = math.ceil(items / batch)
    whole = max(epochs, math.ceil(STEPS / steps), math.ceil(looks / steps))
    return Schedule(whole, max(1, whole * steps // looks))


def account(n_train: int, losses: Sequence[float], validation: Sequence[float], chosen: int) -> dict[str, object]:
    """What the record of a training says.

    Parameters
    ----------
    n_train:
        Items that were trained on.
    losses, validation:
        The loss at each step, and on validation before training and after each of its parts.
    chosen:
        Number of parts after which that was lowest.
    """
    return {
        "n_train": n_train,
        "loss_by_step": losses,
        "validation_loss_by_epoch": validation,
        "epoch_chosen": chosen,
        "on": "validation",
    }


def best_rate(
    run: Callable[[float, Schedule | None], Tuned], *, rate: float, choices: int, items: int, batch: int, epochs: int
) -> Tuned:
    """The run with the largest mean log-odds on validation; a single one, by ``epochs``, for one choice.

    Parameters
    ----------
    run:
        From a learning rate and a schedule (None for a look after each epoch) to what came of it, with the best look's
        value in ``record["validation_loss_by_epoch"]``, of which the lowest is the best.
    """
    if choices == 1:
        return run(rate, None)
    rates, looks = grid(choices, rate)
    runs = [run(one, schedule(items, batch, epochs, looks)) for one in rates]
    best = min(runs, key=lambda result: min(result.record["validation_loss_by_epoch"]))
    attempts = [
        {"learning_rate": one, "validation": result.record["validation_loss_by_epoch"]}
        for one, result in zip(rates, runs, strict=True)
    ]
    record = {**best.record, "choices_tried": len(rates) * looks, "tried": attempts}
    return replace(
        best, record=record, seconds=sum(result.seconds for result in runs), flops=sum(result.flops for result in runs)
    )


def validator(
    model: Model, data: DataSet, mode: ScoreMode | None, loss: Callable[[Any], float]
) -> tuple[Callable[[Any], float], str]:
    """What a run is looked at by, lower being better, and its name: the mean log-odds in a mode, or a loss for None."""
    from steerstack.techniques.selection import CRITERION

    if mode is None:
        return loss, "smallest loss on validation items"
    from steerstack.data.questions import ask

    questions = ask(model.format, data, mode)

    def against(module: Any) -> float:
        return -mean_log_odds(module, questions, per_token=mode == "text")

    return against, CRITERION


def mean_log_odds(module: Any, questions: Sequence[Any], *, per_token: bool) -> float:
    """Mean over items of the log-odds of the exhibiting answer (nats), averaged over the orders of an item."""
    from steerstack_plugins.baselines.common.answers import answer_logp

    sides = [side for question in questions for side in question.pair]
    logp = answer_logp(module, sides).double()
    if per_token:
        logp = logp / logp.new_tensor([len(side) - side.answer_start for side in sides])
    odds = logp[::2] - logp[1::2]
    items: dict[str, list[float]] = {}
    for question, value in zip(questions, odds.tolist(), strict=True):
        items.setdefault(question.item.id, []).append(value)
    return sum(sum(of) / len(of) for of in items.values()) / len(items)
