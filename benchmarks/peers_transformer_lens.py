"""How TransformerLens 4 does the work: its bridge around a model of transformers."""

import copy
import tempfile
from collections.abc import Callable
from typing import Any

import torch
from peers import Forward, Sides, differences
from stage import copied
from torch import Tensor

from steerstack.trace.model import Model


def _bridge(model: Model) -> Any:
    from transformer_lens.model_bridge import TransformerBridge

    with tempfile.TemporaryDirectory() as folder:
        model.module.config.save_pretrained(folder)  # type: ignore[union-attr, operator]
        return TransformerBridge.boot_transformers(
            folder,
            hf_model=copied(model),
            tokenizer=copy.deepcopy(model.tokenizer),
            device=str(model.device),
            dtype=model.dtype,
        )


def extract(model: Model, sides: Sides) -> Callable[[], Tensor]:
    bridge = _bridge(model)

    def read(ids: Tensor, mask: Tensor, last: Tensor) -> Tensor:
        with torch.no_grad():
            _, cache = bridge.run_with_cache(
                ids, attention_mask=mask, names_filter=lambda name: name.endswith("hook_resid_post"), return_type=None
            )
        rows = torch.arange(len(ids), device=ids.device)
        return torch.stack([cache[f"blocks.{x}.hook_resid_post"][rows, last] for x in range(model.n_layers)])

    return lambda: differences(model, sides, read)


def arm(model: Model, layer: int, edit: Tensor) -> Forward:
    bridge = _bridge(model)

    def forward(ids: Tensor, mask: Tensor, where: Tensor) -> Tensor:
        def add(hidden: Tensor, hook: Any) -> Tensor:
            return hidden + where[..., None].to(hidden) * edit.to(hidden)

        return bridge.run_with_hooks(  # type: ignore[no-any-return]
            ids, attention_mask=mask, fwd_hooks=[(f"blocks.{layer}.hook_resid_post", add)], return_type="logits"
        )

    return forward
