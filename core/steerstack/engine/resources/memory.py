"""Memory: how much a pass may take, and what to do when a device has run out of it."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from steerstack.errors import ModelError
from steerstack.trace.model import Model
from steerstack.trace.placement import computing, resident

Found = TypeVar("Found")

SHARE = 4
"""One part in this many of what is available may be taken by one pass."""

LEAST = 256 << 20
"""Bytes that a pass may take whatever the size of the model."""

WIDTH = 512
"""Keys that each token is taken to attend to."""


def available(device: torch.device) -> int:
    """Bytes of memory to be had on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):  # not Linux
        names = getattr(os, "sysconf_names", {})
        pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in names else "SC_PHYS_PAGES"
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE") if pages in names else 1 << 31


def spare(model: Model) -> int:
    """Bytes of memory to be had on every device on which the model computes: those of the fullest one."""
    return min(available(device) for device in computing(model.module))


def beside(model: Model) -> int:
    """Bytes that a pass may take beside the weights: half as many as they, or :data:`LEAST` for small models.

    Of a model on several devices those of the device with the most count; of a quantized one the
    bytes that it really takes. Offloaded weights do not count: each is there for a moment only.
    """
    return max(LEAST, max(resident(model.module).values(), default=0) // 2)


def bytes_per_token(model: Model) -> int:
    """About what one token of a pass takes: one block's activations and scores, and all keys and values."""
    config, size = model.config, torch.finfo(model.dtype).bits // 8
    inner = getattr(config, "intermediate_size", None) or 4 * model.d_model
    heads = getattr(config, "num_attention_heads", None) or 1
    return int(size * (8 * model.d_model + 3 * inner + 2 * model.n_layers * model.d_model + heads * WIDTH))


def unless_out_of_memory(work: Callable[[], Found]) -> Found | None:
    """What the work returns, or None if the device ran out of memory."""
    try:
        return work()
    except torch.OutOfMemoryError:
        pass
    gc.collect()  # here, where the frames of the failed pass are gone
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def halved(tokens: int) -> int:
    """The next smaller bound on the tokens of a pass.

    Raises
    ------
    ModelError
        There is none: a single sequence does not fit.
    """
    if tokens <= 1:
        raise too_small()
    return tokens // 2


def too_small() -> ModelError:
    """That the device has no room for one sequence."""
    return ModelError(
        "The device has not enough memory for a single sequence.",
        seen="out of memory in passes of one sequence",
        fix="Use shorter items, --dtype bfloat16 (8bit, 4bit), --device auto, or --device cpu.",
    )
