"""Load a model and its tokenizer by transformers, with errors that say what to do."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from steerstack.errors import ModelError


def load_pretrained(
    source: str, *, revision: str | None, dtype: torch.dtype | None, device: str | None, tokenizer: Any
) -> tuple[nn.Module, Any]:
    """Load a model and its tokenizer by transformers.

    Raises
    ------
    ModelError
        There is no such model, here or on the hub.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    options: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        if tokenizer is None:
            tokenizer = AutoTokenizer.from_pretrained(source, **options)
        placed = {"device_map": device} if device and device not in ("cpu", "cuda", "mps") else {}
        module = AutoModelForCausalLM.from_pretrained(source, dtype=dtype or "auto", **placed, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        local = Path(source).exists()
        raise ModelError(
            f"The model {source!r} could not be loaded.",
            seen=str(error).strip().splitlines()[0],
            fix="The folder must hold config.json, safetensors weights and a tokenizer."
            if local
            else "Give a folder, a Hugging Face id (with network), or 'smollm2' for the embedded one.",
        ) from error
    if device and not placed:
        module.to(device)
    return module, tokenizer
