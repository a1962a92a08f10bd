"""Layers of foreign files: from names that are known, in the numbering of the model's blocks, each once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from steerstack.errors import VectorError
from steerstack.steering.site import LAST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.site import Component

T = TypeVar("T")

_WORDS = r"layers?|blocks?|h|l|blk|direction|resid_post|resid|vec|vector"
_PLAIN = re.compile(
    rf"(?:(?:[a-z_]+\.)*(?:{_WORDS})(?=[._\d])[._]?)?(?P<layer>-?\d+)(?P<rest>(?:\.[a-z_][a-z_0-9]*)*)", re.I
)

_SUBLAYERS: dict[str, Component] = {
    "": "resid_post", "v": "resid_post", "vector": "resid_post", "direction": "resid_post", "weight": "resid_post",
    "output": "resid_post", "hook_resid_post": "resid_post", "resid_post": "resid_post",
    "hook_resid_pre": "resid_pre", "resid_pre": "resid_pre", "input": "resid_pre",
    "mlp": "mlp_out", "mlp_out": "mlp_out", "hook_mlp_out": "mlp_out", "feed_forward": "mlp_out",
    "mlp.down_proj": "mlp_out", "mlp.c_proj": "mlp_out", "mlp.output": "mlp_out",
    "self_attn": "attn_out", "attn": "attn_out", "attention": "attn_out", "attn_out": "attn_out",
    "hook_attn_out": "attn_out", "self_attn.o_proj": "attn_out", "attn.c_proj": "attn_out",
}  # fmt: skip
"""What may follow a layer's number, and the component that it is."""

KNOWN = "3, layer_3, layers.3, blocks.3.v, h.3, model.layers.3, model.layers.3.mlp, blocks.3.hook_resid_post"


def place(name: object) -> tuple[Component, int] | None:
    """The component and the layer, maybe below 0, of a name that is known; None for any other."""
    if isinstance(name, int) and not isinstance(name, bool):
        return "resid_post", name
    match = _PLAIN.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        return None
    rest = match["rest"].lower().lstrip(".")
    component = _SUBLAYERS.get(rest.removesuffix(".v").removesuffix(".vector"), _SUBLAYERS.get(rest))
    if component is None or len(match["layer"]) > 6:
        return None
    return component, int(match["layer"])


def whole_numbers(path: Path, named: Iterable[tuple[object, T]]) -> dict[int, T]:
    """Entries by layer, of a file whose names are nothing but whole numbers, each once; raises VectorError."""
    entries: dict[int, T] = {}
    for name, entry in named:
        text = str(name) if isinstance(name, int | str) and not isinstance(name, bool) else ""
        if not re.fullmatch(r"-?\d{1,6}", text) or int(text) in entries:
            raise VectorError(
                f"{path} names a layer that is none, or names one twice.", seen=f"{name!r:.40}", fix="Wanted: 0, 1, ..."
            )
        entries[int(text)] = entry
    return entries


def counted(path: Path, layers: Iterable[tuple[object, int, Tensor]], n_layers: int | None) -> dict[int, Tensor]:
    """Tensors by 0-based layer.

    Parameters
    ----------
    path:
        The file, for errors.
    layers:
        Name in the file, layer (below 0 from the end), and tensor of each.
    n_layers:
        The model's number of blocks, where it is known.

    Raises
    ------
    VectorError
        Two are for one layer, one is beyond the model, or counts from an end that is not known.
    """
    directions: dict[int, Tensor] = {}
    names: dict[int, object] = {}
    for name, layer, tensor in layers:
        at = layer + n_layers if layer < 0 and n_layers is not None else layer
        if layer < 0 and n_layers is None:
            raise VectorError(
                f"{path} counts layers from the end, and the model's depth is not known.",
                seen=f"layer {layer}",
                fix="Name the model with --model-name (a folder or id whose config can be read), or say its number of "
                "blocks with --n-layers.",
            )
        if at < 0 or at > (LAST if n_layers is None else n_layers - 1):
            of = "any model" if n_layers is None else f"the model's {n_layers} blocks"
            raise VectorError(
                f"{path} has a layer beyond {of}.", seen=f"layer {layer!s:.20}", fix="Blocks count from 0."
            )
        if at in directions:
            raise VectorError(
                f"{path} has two directions for layer {at}.",
                seen=f"{names[at]!s:.40} and {name!s:.40}",
                fix="Keep the one that is meant.",
            )
        directions[at], names[at] = tensor, name
    return directions
