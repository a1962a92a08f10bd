"""Keys and values that grow in place, for decoding: no copy of the past at every token."""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class _GrowingLayer(DynamicLayer):
    """A layer whose keys and values lie in buffers with room to spare.

    ``DynamicLayer`` concatenates, which copies all of the past for every new token; on a CPU,
    with many rows, that copy costs more than the attention.
    """

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room
        self._buffers: tuple[Tensor, Tensor] | None = None

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append keys and values [batch, heads, token, head_dim]; all of them so far are returned."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before = self.get_seq_length()
        length = before + key_states.shape[-2]
        if self._buffers is None or length > self._buffers[0].shape[-2]:
            self._grow((key_states, value_states), length)
        assert self._buffers is not None
        for buffer, new in zip(self._buffers, (key_states, value_states), strict=True):
            buffer[:, :, before:length] = new
        self.keys, self.values = (buffer[:, :, :length] for buffer in self._buffers)
        return self.keys, self.values

    def _grow(self, new: tuple[Tensor, Tensor], length: int) -> None:
        old = (self.keys, self.values)
        keys, values = (  # latent attention has values of another width than keys
            torch.empty(*part.shape[:2], length + self._room, part.shape[-1], dtype=part.dtype, device=part.device)
            for part in new
        )
        self._buffers = (keys, values)
        for buffer, past in zip(self._buffers, old, strict=True):
            if past is not None and past.numel():
                buffer[:, :, : past.shape[-2]] = past

    def keep_rows(self, index: Tensor) -> None:
        """Keep only some rows of the batch."""
        self.keys, self.values = self.keys[index], self.values[index]
        self._buffers = None


class GrowingCache(DynamicCache):
    """A cache of growing layers.

    Parameters
    ----------
    n_layers:
        Number of blocks.
    room:
        How many further tokens each buffer is made for.
    """

    def __init__(self, n_layers: int, room: int) -> None:
        super().__init__()
        self.layers = [_GrowingLayer(room) for _ in range(n_layers)]

    def keep_rows(self, index: Tensor) -> None:
        """Keep only some rows of the batch."""
        for layer in self.layers:
            layer.keep_rows(index)
