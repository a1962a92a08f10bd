"""What a method that makes another model must leave alone: the one that it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from steerstack.testing.kit.contract import require
from steerstack.trace.model import Model


@contextmanager
def left_alone(model: Model) -> Iterator[None]:
    """The model keeps its weights, its mode and its frozen parameters, whatever is done within."""
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    mode = _mode(model)
    yield
    after = model.module.state_dict()
    differences = [name for name in before if name not in after or not torch.equal(after[name], before[name])]
    require(
        not differences and len(after) == len(before), "The given model's weights were changed.", seen=differences[:3]
    )
    now = _mode(model)
    require(now == mode, "The given model's mode or frozen parameters were changed.", seen=f"{mode} -> {now}")


def _mode(model: Model) -> tuple[bool, int]:
    return model.module.training, sum(p.requires_grad for p in model.module.parameters())


def require_apart(given: Model, made: Model) -> None:
    """The two models share no weights."""
    one, other = ({p.data_ptr() for p in model.module.parameters()} for model in (given, made))
    require(not one & other, f"{len(one & other)} weights are shared with the given model.", fix="Train a copy.")
