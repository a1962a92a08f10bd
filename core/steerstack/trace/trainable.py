"""Weights that can be trained, and a copy of them to train."""

from __future__ import annotations

import copy

from torch import nn

from steerstack.errors import RemoteError
from steerstack.trace import placement
from steerstack.trace.model import Model


def check_trainable(model: Model) -> None:
    """Refuse weights that cannot be trained.

    Raises
    ------
    RemoteError
        The weights are on a server.
    ModelError
        They are quantized or offloaded.
    """
    if model.remote is not None:
        raise RemoteError(
            f"The weights of {model.name} are on {model.remote}: they cannot be trained from here.",
            fix="Open the model without --remote where its weights are, or leave out what trains it.",
        )
    placement.check_trainable(model.module, model.name)


def clone(model: Model) -> nn.Module:
    """A copy of the loaded model, to be trained or changed, that nnsight knows nothing of.

    Raises
    ------
    RemoteError, ModelError
        As :func:`check_trainable`.
    """
    check_trainable(model)
    module = type(model.module)(copy.deepcopy(model.module.config))  # trainers write into it
    module.load_state_dict(model.module.state_dict())
    if len(placement.computing(model.module)) > 1:
        from accelerate import dispatch_model

        return dispatch_model(module.to(model.dtype), model.module.hf_device_map)  # type: ignore[no-any-return]
    return module.to(device=model.device, dtype=model.dtype)
