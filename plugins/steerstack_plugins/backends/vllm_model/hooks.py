"""Hooks on the decoder blocks of a model of vLLM's own.

Most of its blocks hand on the residual stream in two parts, which the next norm adds up: what the last sublayer
wrote, and the rest. An edited row then has all of the stream in the second part, and nothing in the first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from steerstack.errors import ModelError
from steerstack.steering.site import Component, Site
from steerstack.trace import anatomy
from steerstack_plugins.backends.vllm_model.steering import RowEdits

INNER: tuple[Component, ...] = ("head_out", "attn_out", "mlp_out")
"""Components inside a block."""


def set_hooks(model: nn.Module, steering: RowEdits, n_layers: int, model_type: str) -> None:
    """Let a worker's requests act on every place of its model.

    Parameters
    ----------
    model:
        vLLM's model.
    steering:
        The requests and their edits.
    n_layers:
        How many blocks it must have.
    model_type:
        As the Hugging Face config has it.

    Raises
    ------
    ModelError
        Its blocks are not found.
    """
    for layer, block in enumerate(_blocks(model, n_layers)):
        block.register_forward_pre_hook(_entering(block, steering, Site("resid_pre", layer)), with_kwargs=True)
        block.register_forward_hook(_leaving(steering, Site("resid_post", layer)))
        for component in INNER:
            path = anatomy.sublayer(block, component, model_type)
            if path is None:
                continue
            part, site = block.get_submodule(path), Site(component, layer)
            if component == "head_out":
                part.register_forward_pre_hook(_entering(part, steering, site), with_kwargs=True)
            else:
                part.register_forward_hook(_leaving(steering, site))


def _blocks(model: nn.Module, n_layers: int) -> nn.ModuleList:
    lists = {path: part for path, part in model.named_modules() if isinstance(part, nn.ModuleList)}
    candidates = [part for part in lists.values() if len(part) == n_layers]
    outer = [path for path, part in lists.items() if part in candidates]
    outer = [path for path in outer if not any(path != other and path.startswith(f"{other}.") for other in outer)]
    if len(outer) != 1:
        raise ModelError(
            f"The blocks of vLLM's {type(model).__name__} were not found.",
            seen=f"lists of {n_layers} modules: {', '.join(outer) or 'none'}",
            fix="Steer this model with steerstack's own engine.",
        )
    return lists[outer[0]]


def _leaving(steering: RowEdits, site: Site) -> Callable[..., Any]:
    def after(_module: nn.Module, _args: Any, output: Any) -> Any:
        if steering.rows(site) is None:
            return None
        if isinstance(output, Tensor):
            return _edited(steering, site, output, None)[0]
        first, second, *rest = (*output, None)[: max(2, len(output))]
        if site.component == "resid_post" and isinstance(second, Tensor) and second.shape == first.shape:
            return type(output)((*_edited(steering, site, first, second), *rest))
        return type(output)((_edited(steering, site, first, None)[0], *output[1:]))

    return after


def _entering(module: nn.Module, steering: RowEdits, site: Site) -> Callable[..., Any]:
    names = list(inspect.signature(module.forward).parameters)
    places: dict[str, int] = {name: names.index(name) for name in ("hidden_states", "residual") if name in names}

    def before(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if steering.rows(site) is None:
            return None
        values = list(args)

        def value(name: str) -> Any:
            if name in kwargs:
                return kwargs[name]
            place = places.get(name)
            return values[place] if place is not None and place < len(values) else None

        def put(name: str, tensor: Tensor | None) -> None:
            if name in kwargs:
                kwargs[name] = tensor
            else:
                values[places[name]] = tensor

        if site.component == "head_out":
            values[0] = _edited(steering, site, values[0], None)[0]
            return tuple(values), kwargs
        hidden, residual = _edited(steering, site, value("hidden_states"), value("residual"))
        put("hidden_states", hidden)
        if residual is not None:
            put("residual", residual)
        return tuple(values), kwargs

    return before


def _edited(steering: RowEdits, site: Site, hidden: Tensor, residual: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The one or two parts of the stream after the edits; rows that none of them touches are bit for bit the same."""
    flat = hidden.reshape(-1, hidden.shape[-1])  # models of transformers that vLLM runs have a batch of one in front
    if residual is None:
        return steering.edit(site, flat).reshape(hidden.shape), None
    beside = residual.reshape(flat.shape)
    rows = steering.rows(site)
    whole = steering.edit(site, flat + beside)
    first, second = flat.clone(), beside.clone()
    first[rows], second[rows] = torch.zeros_like(whole[rows]), whole[rows]
    return first.reshape(hidden.shape), second.reshape(residual.shape)
