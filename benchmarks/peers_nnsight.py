"""How plain nnsight does the work, without steerstack's engine on top of it."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import nnsight
import torch
from peers import Forward, Generate, Sides, differences
from stage import copied
from torch import Tensor

from steerstack.trace.model import Model


def _plain(model: Model) -> Any:
    return nnsight.TransformersModel(copied(model), tokenizer=copy.deepcopy(model.tokenizer), task="text-generation")


def extract(model: Model, sides: Sides, *, one_by_one: bool = False) -> Callable[[], Tensor]:
    """All layers in one trace of a batch, or of a single prompt."""
    lm = _plain(model)

    def trace(ids: Tensor, mask: Tensor, last: Tensor) -> Tensor:
        rows = torch.arange(len(ids), device=ids.device)
        with torch.no_grad(), lm.trace({"input_ids": ids, "attention_mask": mask}) as tracer:
            activations = nnsight.save([])
            for layer in range(model.n_layers):
                activations.append(lm.model.layers[layer].output[rows, last])
            tracer.stop()
        return torch.stack(list(activations))

    def single(ids: Tensor, mask: Tensor, last: Tensor) -> Tensor:
        each = [
            trace(row[None, : end + 1], row_mask[None, : end + 1], at[None])
            for row, row_mask, at, end in zip(ids, mask, last, last.tolist(), strict=True)
        ]
        return torch.cat(each, 1)

    return lambda: differences(model, sides, single if one_by_one else trace)


def arm(model: Model, layer: int, edit: Tensor) -> Forward:
    """One arm: the block's output replaced."""
    lm = _plain(model)

    def forward(ids: Tensor, mask: Tensor, where: Tensor) -> Tensor:
        with torch.no_grad(), lm.trace({"input_ids": ids, "attention_mask": mask}):
            hidden = lm.model.layers[layer].output
            lm.model.layers[layer].output = hidden + where[..., None].to(hidden) * edit.to(hidden)
            logits = nnsight.save([lm.output.logits])
        return logits[0]  # type: ignore[no-any-return]

    return forward


def generate(model: Model, layer: int, edit: Tensor) -> Generate:
    """One arm, the edit at every step."""
    lm = _plain(model)

    def work(ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nnsight tells that the open loop ends with the answer
            return traced(ids, mask, options)

    def traced(ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Tensor:
        with torch.no_grad(), lm.generate(**options) as tracer:
            with tracer.invoke({"input_ids": ids, "attention_mask": mask}):
                for _ in tracer.all():
                    hidden = lm.model.layers[layer].output
                    lm.model.layers[layer].output = hidden + edit.to(hidden)
            with tracer.invoke():
                tokens = tracer.result.save()
        return tokens  # type: ignore[no-any-return]

    return work
