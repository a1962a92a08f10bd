"""One forward pass, as a value: what goes in, what is edited on the way, what comes out.

This is the only place where steerstack runs a model. A pass may start in the middle (from
a hidden state computed before), stop early, continue from keys and values, edit activations
at any site, and compute logits only where they are asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import nnsight
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import DynamicCache

from steerstack.errors import RemoteError
from steerstack.steering.site import Site
from steerstack.trace.cache import GrowingCache
from steerstack.trace.model import Model
from steerstack.trace.remote.call import remotely

Hidden = Float[Tensor, "batch token d_model"]
KeyValues = list[tuple[Tensor, Tensor]]
"""For each layer, keys and values of shape [batch, heads, token, head_dim]."""


@dataclass(frozen=True)
class Start:
    """Begin at block ``block`` with ``hidden`` as its input; earlier blocks are skipped."""

    block: int
    hidden: Hidden


@dataclass(frozen=True)
class Pass:
    """A forward pass.

    Attributes
    ----------
    ids:
        Token ids [batch, token].
    mask:
        [batch, key] of keys that exist, for plain causal attention; or [batch, token, key]
        of what each query may see.
    positions:
        Position of each token, [batch, token]; None where they count up from 0.
    past:
        Keys and values of earlier tokens, which are not changed.
    cache:
        Keys and values of earlier tokens, to which those of this pass are added.
    start:
        Where to begin; None for the embedding.
    edits:
        For each site, what becomes of the activations there.
    read:
        For each site, what is to be kept of the activations there, after the edits.
    head:
        From the input of the unembedding [batch, token, d_model], the rows [n, d_model] to unembed.
    logits:
        What is kept of the logits [n, vocab].
    keep_past:
        Whether the keys and values are handed back.
    gradients:
        Whether what comes out can be differentiated by what the edits hold.
    """

    ids: Int[Tensor, "batch token"]
    mask: Bool[Tensor, "batch key"] | Bool[Tensor, "batch token key"]
    positions: Int[Tensor, "batch token"] | None = None
    past: KeyValues | None = None
    cache: GrowingCache | None = None
    start: Start | None = None
    edits: Mapping[Site, Callable[[Hidden], Hidden]] = field(default_factory=dict)
    read: Mapping[Site, Callable[[Hidden], Tensor]] = field(default_factory=dict)
    head: Callable[[Hidden], Float[Tensor, "n d_model"]] | None = None
    logits: Callable[[Float[Tensor, "n vocab"]], Any] | None = None
    keep_past: bool = False
    gradients: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a pass gives back: what was read at each site, what was kept of the logits, and
    the keys and values, if asked for.
    """

    read: dict[Site, Tensor]
    logits: Any
    past: KeyValues | None


def run(model: Model, work: Pass) -> Outcome:
    """Run one forward pass.

    Raises
    ------
    RemoteError
        The model is on a server, and the pass needs it here: for gradients, or for keys and
        values that are added to in place.
    """
    if model.remote is not None and (work.gradients or work.cache is not None):
        raise RemoteError(
            f"Gradients, and decoding step by step, need the weights here; {model.name} is on {model.remote}.",
            fix="A method that takes gradients says so (differentiates = True on its class) and runs there as a whole.",
        )
    return run_pass(model, work)


@remotely(Outcome, Site)
def run_pass(model: Model, work: Pass) -> Outcome:
    """Run a pass where the weights are."""
    kwargs, cache = _inputs(model, work)
    envoy, n_layers = model.envoy, model.n_layers
    touched = sorted({*work.edits, *work.read}, key=lambda site: site.order)
    start = work.start
    as_tuple = start is not None and model.tuple_output  # asked before the trace: it runs the model
    with model.exclusive(gradients=work.gradients), envoy.trace(kwargs.pop("encoding"), **kwargs) as tracer:
        captures = nnsight.save({})
        out = nnsight.save([])
        if start is not None:
            entry = envoy.layers[0].input
            for block in range(start.block - 1):
                envoy.layers[block].skip(_like(entry, as_tuple))
            if start.block:
                envoy.layers[start.block - 1].skip(_like(start.hidden, as_tuple))
        for site in touched:
            hidden = read_site(model, site, work.ids.shape)
            if site in work.edits:
                hidden = work.edits[site](hidden)
                write_site(model, site, hidden)
            if site in work.read:
                captures[site] = work.read[site](hidden)
        if work.head is None:
            if cache is not None and Site("resid_post", n_layers - 1) not in touched:
                envoy.layers[n_layers - 1].output  # noqa: B018  # wait for the last block
            tracer.stop()
        else:
            rows = work.head(envoy.unembedding.input)
            envoy.unembedding.input = rows[None]
            logits = envoy.output.logits[0]
            out.append(work.logits(logits) if work.logits else logits)
    past = [(layer.keys, layer.values) for layer in cache.layers] if work.keep_past and cache else None
    return Outcome(dict(captures), out[0] if out else None, past)


def _inputs(model: Model, work: Pass) -> tuple[dict[str, Any], Any]:
    ids = work.ids.to(model.device)
    mask = work.mask.to(model.device)
    if mask.ndim == 3:
        floor = torch.finfo(model.dtype).min
        mask = torch.zeros(mask.shape, dtype=model.dtype, device=model.device).masked_fill(~mask, floor)[:, None]
    else:
        mask = mask.long()
    encoding: dict[str, Tensor] = {"input_ids": ids, "attention_mask": mask}
    if work.positions is not None and "position_ids" in model.accepts:
        encoding["position_ids"] = work.positions.to(model.device)
    cache: Any = work.cache
    if work.past is not None or work.keep_past:
        # update() concatenates into new tensors, so the given keys and values stay as they are
        cache = DynamicCache(work.past) if work.past is not None else DynamicCache()
    return {"encoding": encoding, "past_key_values": cache, "use_cache": cache is not None}, cache


def _like(hidden: Any, as_tuple: bool) -> Any:
    """What a skipped block is to have returned."""
    return (hidden, None) if as_tuple else hidden


def read_site(model: Model, site: Site, shape: torch.Size) -> Hidden:
    """The activations at a site, inside a trace."""
    block = model.envoy.layers[site.layer]
    if site.component == "resid_pre":
        return block.input  # type: ignore[no-any-return]
    module = block if site.component == "resid_post" else _submodule(block, model.inner(site))
    if site.component == "head_out":
        return module.input.reshape(*shape, -1)  # type: ignore[no-any-return]
    output = module.output
    hidden = output[0] if isinstance(output, tuple | list) else output
    if site.component == "mlp_out":
        hidden = hidden.clone()  # Falcon adds the attention's output to it in place, later on
    # OPT flattens batch and token before its feed-forward matrices
    return hidden.reshape(*shape, hidden.shape[-1])  # type: ignore[no-any-return]


def write_site(model: Model, site: Site, hidden: Hidden) -> None:
    """Replace the activations at a site, inside a trace."""
    block = model.envoy.layers[site.layer]
    if site.component == "resid_pre":
        block.input = hidden
        return
    target = block if site.component == "resid_post" else _submodule(block, model.inner(site))
    if site.component == "head_out":
        target.input = hidden.reshape(target.input.shape)
        return
    output = target.output
    if isinstance(output, tuple | list):
        target.output = type(output)((hidden.reshape(output[0].shape), *output[1:]))
    else:
        target.output = hidden.reshape(output.shape)


def _submodule(envoy: Any, path: str) -> Any:
    for part in path.split("."):
        envoy = getattr(envoy, part)
    return envoy
