"""Tensors as bytes that depend on their values alone.

As torch pickles it, a tensor holds an address in memory, and all of the storage that it is a view of.
"""

from typing import Any

import torch
from torch import Tensor


def of_values(tensor: Tensor) -> Any:
    """What a pickler is to write for a tensor of values; NotImplemented for any other kind."""
    if type(tensor) is not Tensor or tensor.requires_grad or tensor.layout != torch.strided or tensor.is_quantized:
        return NotImplemented
    flat = tensor.detach().cpu().reshape(-1).contiguous()
    data = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    return remade, (data, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))


def remade(data: bytes, dtype: str, shape: tuple[int, ...]) -> Tensor:
    """The tensor again, on the CPU."""
    kind = getattr(torch, dtype)
    return torch.frombuffer(bytearray(data), dtype=kind).reshape(shape) if data else torch.empty(shape, dtype=kind)
