"""Floating-point operations of making and choosing a vector, counted alike wherever one is chosen."""

from steerstack.data.items import DataSet
from steerstack.data.questions import ScoreMode, ask
from steerstack.measure import flops
from steerstack.techniques.promise import ITEMS, SLOPE_ITEMS
from steerstack.techniques.selection import Choice
from steerstack.trace.model import Model


def of_vector(model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, choice: Choice) -> float:
    """Operations of reading the training answers once, of ranking candidates, and of scoring those on validation.

    What a method does beyond that (training, generating) is not among them, nor is the KL on neutral text.
    """
    if validation is None:
        return of_candidates(model, train, None, mode, 0)
    count = sum(tried.log_odds is not None for tried in choice.tried)
    operations = of_candidates(model, train, validation.spread(ITEMS), mode, count)
    if any(tried.promise is not None for tried in choice.tried):
        operations += flops.training(model, flops.asked_tokens(ask(model.format, validation.spread(SLOPE_ITEMS), mode)))
    return operations


def of_candidates(model: Model, train: DataSet, validation: DataSet | None, mode: ScoreMode, count: int) -> float:
    """Operations of reading the training answers once, and of scoring so many candidates on the validation items."""
    operations = flops.forward(model, flops.asked_tokens(ask(model.format, train, "text")))
    if validation is not None:
        operations += flops.forward(model, flops.asked_tokens(ask(model.format, validation, mode)) * count)
    return operations
