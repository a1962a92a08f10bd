"""Open a model by name, by path, or as it stands in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from steerstack.data.manner import Manner, Reasoning
from steerstack.errors import ModelError, RemoteError
from steerstack.trace.check import check_model, check_vocabulary
from steerstack.trace.embedded_model import EMBEDDED
from steerstack.trace.load import QUANTIZATIONS, DeviceMap, dtype_named, is_embedded, load_pretrained
from steerstack.trace.model import Model, wrap
from steerstack.trace.placement import quantized
from steerstack.trace.remote.pickle_reader import guard_nnsight
from steerstack.trace.source.kinds import check_device

guard_nnsight()


def open_model(
    source: str | Path | nn.Module,
    *,
    tokenizer: Any = None,
    revision: str | None = None,
    dtype: str | torch.dtype | None = None,
    device: str | None = None,
    device_map: DeviceMap | None = None,
    quantization: str | Any | None = None,
    remote: bool | str | None = None,
    template: Mapping[str, Any] | None = None,
    form: str | None = None,
    reasoning: Reasoning = "closed",
) -> Model:
    """Open a causal language model for measuring and steering.

    Parameters
    ----------
    source:
        A folder, a GGUF file, a Hugging Face id, ``smollm2`` for the embedded model, or a loaded
        transformers model (its parameters are frozen in place).
    tokenizer:
        Needed with a loaded model; it is left as it is.
    revision:
        Revision on the hub.
    dtype:
        Such as ``float32`` or ``bfloat16``; None for that of the weights. The name of a
        quantization is taken for one.
    device:
        Such as ``cpu``, ``cuda:1``, or the name of a device map (``auto``, ``balanced``, ...); None
        for where transformers puts it.
    device_map:
        In its place, from module name to device, as transformers takes it: the blocks may lie on
        several devices.
    quantization:
        ``8bit`` or ``4bit`` (bitsandbytes), or a quantization config of transformers.
    remote:
        Address of a server of nnsight's protocol that holds the weights (``steerstack serve``),
        or True for NDIF: capture, extraction, scoring, sweeps, generation and the training of
        vectors run there; what trains weights cannot. Its token is read from
        ``STEERSTACK_SERVE_TOKEN``, NDIF's key from ``NDIF_API_KEY``. The
        server runs what it is sent; nothing that it answers is run here. ``"local"`` packs and unpacks
        every call as for a server, and runs it here.
    template:
        Arguments of the chat template, such as ``{"enable_thinking": False}``; ``date`` (``2024-07-26``) is the day
        that a template is told which writes today's date.
    form:
        How answers by label are written, the label at the end as ``A``: ``(A``, ``A``, `` A``, ``Answer: A``, ...
    reasoning:
        Where a template opens a reasoning block: ``closed`` scores answers after an empty block, ``generated``
        after one that the model writes.

    Returns
    -------
    Model
        Checked: the number of blocks, the width, and that captures and edits take effect.

    Raises
    ------
    ModelError
        It cannot be loaded, or is not what its names promise.
    RemoteError
        The server cannot be reached, refuses, or does not have the model.
    """
    if dtype in QUANTIZATIONS:
        dtype, quantization = None, dtype
    precision, manner = dtype_named(dtype), Manner(dict(template or {}), form, reasoning)
    if remote:
        if isinstance(source, nn.Module) or device or device_map or quantization:
            raise RemoteError(
                "The model on a server is opened by name, and the server places it.",
                fix="Give its name as source, and neither a device nor a quantization.",
            )
        from steerstack.trace.remote.remote_model import open_remote

        return open_remote(str(source), remote=remote, tokenizer=tokenizer, revision=revision, dtype=precision).asked(
            manner
        )
    if isinstance(source, nn.Module):
        if tokenizer is None:
            raise ModelError("A loaded model comes without a tokenizer.", fix="Pass tokenizer=...")
        if device_map or quantization:
            raise ModelError(
                "A loaded model is placed and quantized already.", fix="Load it that way, or give its name as source."
            )
        module = source if precision is None else source.to(precision)
        check_device(device)
        if device:
            module = module.to(device)
        name = str(getattr(module.config, "_name_or_path", "") or type(module).__name__)
        model = wrap(module, tokenizer, name=name, revision=revision, manner=manner)
    else:
        name = str(source)
        module, tokenizer = load_pretrained(
            name, revision=revision, dtype=precision, device=device, tokenizer=tokenizer, device_map=device_map,
            quantization=quantization,
        )  # fmt: skip
        known_as = EMBEDDED.name if is_embedded(name) else name
        model = wrap(module, tokenizer, name=known_as, revision=revision, manner=manner)
    if quantized(model.module):
        _ = model.fingerprint  # of the weights as they were loaded: bitsandbytes packs them anew in the first passes
    check_vocabulary(model)
    check_model(model)
    return model
