"""How each peer does one piece of the work, as its own documentation has it done.

Each function readies a peer (a copy of the model, its wrapper) and returns the work to be timed.
Extraction gives [layer, d_model]; an arm gives the logits of a batch; generation gives token ids.
"""

import contextlib
import copy
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from limit import pad
from stage import copied
from torch import Tensor

from steerstack import Site
from steerstack.trace.model import Model

Sides = list[tuple[list[int], list[int]]]
Forward = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From ids, mask and a 0/1 mask of edited places, each [row, token], to logits [row, token, vocab]."""
Generate = Callable[[Tensor, Tensor, dict[str, Any]], Tensor]
"""From ids, mask and the arguments of transformers' ``generate`` to all token ids."""

BATCH = 16
"""Sequences a batch, for all peers: 8 pairs, or 8 items with 2 options."""


def batches(rows: list[list[int]], device: torch.device) -> Iterator[tuple[list[int], Tensor, Tensor, Tensor]]:
    """Indices, ids, mask and last places of sequences alike in length."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for at in range(0, len(order), BATCH):
        index = order[at : at + BATCH]
        chunk = [rows[i] for i in index]
        mask = pad([[1] * len(row) for row in chunk])
        yield index, pad(chunk).to(device), mask.to(device), (mask.sum(1) - 1).to(device)


def differences(model: Model, sides: Sides, read: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Mean difference by a function that reads all layers at the last places: [layer, row, d_model]."""
    total = torch.zeros(model.n_layers, model.d_model)
    for index, ids, mask, last in batches([side for pair in sides for side in pair], model.device):
        sign = torch.tensor([-1.0 if i % 2 else 1.0 for i in index])
        total += (read(ids, mask, last).float().cpu() * sign[:, None]).sum(1)
    return total / len(sides)


def _texts(model: Model, sides: Sides) -> list[tuple[str, str]]:
    return [(model.tokenizer.decode(positive), model.tokenizer.decode(negative)) for positive, negative in sides]


# plain PyTorch


def hook_arm(model: Model, layer: int, edit: Tensor) -> Forward:
    """A forward hook on the block."""
    block = model.module_at(Site("resid_post", layer))

    def forward(ids: Tensor, mask: Tensor, where: Tensor) -> Tensor:
        hook = block.register_forward_hook(lambda _m, _a, out: out + where[..., None].to(out) * edit.to(out))
        try:
            return model.module(input_ids=ids, attention_mask=mask).logits  # type: ignore[no-any-return]
        finally:
            hook.remove()

    return forward


def hook_generate(model: Model, layer: int, edit: Tensor) -> Generate:
    block = model.module_at(Site("resid_post", layer))

    def work(ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Tensor:
        hook = block.register_forward_hook(lambda _m, _a, out: out + edit.to(out))
        try:
            return model.module.generate(ids, attention_mask=mask, **options)  # type: ignore[operator, no-any-return]
        finally:
            hook.remove()

    return work


# steering-vectors


def steering_vectors_extract(model: Model, sides: Sides) -> Callable[[], Tensor]:
    from steering_vectors import train_steering_vector

    module, tokenizer, texts = copied(model), copy.deepcopy(model.tokenizer), _texts(model, sides)

    def work() -> Tensor:
        vector = train_steering_vector(module, tokenizer, texts, read_token_index=-1, batch_size=BATCH // 2)
        return torch.stack([vector.layer_activations[layer] for layer in range(model.n_layers)]).float().cpu()

    return work


def steering_vectors_arm(model: Model, layer: int, edit: Tensor) -> Forward:
    from steering_vectors import SteeringVector

    module, vector = copied(model), SteeringVector({layer: edit.to(model.device)})

    def forward(ids: Tensor, mask: Tensor, where: Tensor) -> Tensor:
        with vector.apply(module, min_token_index=None, token_indices=where):
            return module(input_ids=ids, attention_mask=mask).logits  # type: ignore[no-any-return]

    return forward


def steering_vectors_generate(model: Model, layer: int, edit: Tensor) -> Generate:
    from steering_vectors import SteeringVector

    module, vector = copied(model), SteeringVector({layer: edit.to(model.device)})

    def work(ids: Tensor, mask: Tensor, options: dict[str, Any]) -> Tensor:
        with vector.apply(module):
            return module.generate(ids, attention_mask=mask, **options)  # type: ignore[no-any-return]

    return work


# repeng


def _repeng() -> Any:
    if not hasattr(np, "float_"):
        np.float_ = np.float64  # type: ignore[attr-defined]  # repeng 0.4 names it in annotations; NumPy 2 has dropped it
    import repeng.extract

    return repeng


def repeng_extract(model: Model, sides: Sides) -> Callable[[], Tensor]:
    """What ``ControlVector.train`` reads, and the mean difference of it instead of its principal component."""
    package, module, tokenizer = _repeng(), copied(model), copy.deepcopy(model.tokenizer)
    texts = [text for pair in _texts(model, sides) for text in pair]
    layers = list(range(model.n_layers))

    def work() -> Tensor:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            read = package.extract.batched_get_hiddens(module, tokenizer, texts, layers, BATCH)
        return torch.stack([torch.from_numpy(read[x][::2] - read[x][1::2]).mean(0) for x in layers])

    return work


def _controlled(model: Model, layer: int, edit: Tensor) -> Any:
    package = _repeng()
    module = package.ControlModel(copied(model), [layer])
    module.set_control(package.ControlVector("llama", {layer: edit.float().cpu().numpy()}), 1.0)
    return module


def repeng_arm(model: Model, layer: int, edit: Tensor) -> Forward:
    """It edits every token; it needs positions for each row."""
    module = _controlled(model, layer, edit)

    def forward(ids: Tensor, mask: Tensor, where: Tensor) -> Tensor:
        positions = torch.arange(ids.shape[1], device=ids.device).expand(*ids.shape)
        return module(input_ids=ids, attention_mask=mask, position_ids=positions).logits  # type: ignore[no-any-return]

    return forward


def repeng_generate(model: Model, layer: int, edit: Tensor) -> Generate:
    module = _controlled(model, layer, edit)
    return lambda ids, mask, options: module.generate(ids, attention_mask=mask, **options)
