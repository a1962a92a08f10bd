"""Methods that differentiate the model are fitted where its weights are: on a server, the whole method in one call."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from steerstack.contracts.baseline import Baseline, Tuned
from steerstack.contracts.extractor import Extractor, Fitted
from steerstack.data.items import DataSet
from steerstack.engine.data_activations import DataActivations
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import Component, Site
from steerstack.steering.tokens import Tokens
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely
from steerstack.trace.trainable import check_trainable


def fitted(method: Extractor, stream: DataActivations) -> Fitted:
    """What an extractor finds in a stream.

    Raises
    ------
    ExtractionError
        The method cannot work with these pairs or this model.
    RemoteError
        The method cannot be sent to the server.
    """
    if stream.model.remote is None or not method.differentiates:
        return Fitted.of(method.fit(stream))
    return _fit_there(
        stream.model, method, stream.data, stream.position, stream.component, stream.layers, progress=stream.advance
    )


def tuned(baseline: Baseline, model: Model, train: DataSet, validation: DataSet, *, seed: int) -> Tuned:
    """What a baseline makes of a model.

    Raises
    ------
    RemoteError
        The weights are on a server, and it changes them.
    """
    if model.remote is not None and baseline.trains:
        check_trainable(model)  # before anything is measured for it
    if model.remote is None or not baseline.differentiates:
        return baseline.tune(model, train, validation, seed=seed)
    return replace(_tune_there(model, baseline, train, validation, seed), model=model)


@remotely(Fitted)
def _fit_there(
    model: Model,
    method: Extractor,
    data: DataSet,
    position: str,
    component: Component,
    layers: Sequence[int],
    progress: Callable[[int], None] | None = None,
) -> Fitted:
    stream = DataActivations(model, data, position=position, component=component, layers=layers, progress=progress)
    with torch.enable_grad():  # as on a client; a server of nnsight's protocol may run without
        return Fitted.of(method.fit(stream))


@remotely(Tuned, Plan, Intervention, Site, Tokens)
def _tune_there(model: Model, baseline: Baseline, train: DataSet, validation: DataSet, seed: int) -> Tuned:
    nowhere: Any = None  # the model itself stays where it is
    with torch.enable_grad():
        return replace(baseline.tune(model, train, validation, seed=seed), model=nowhere)
