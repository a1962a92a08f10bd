"""Vectors for the package steering-vectors, which itself has no file format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import check_addition, imported
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import read_safetensors, read_torch, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector

TYPES: dict[str, Component] = {"decoder_block": "resid_post", "self_attn": "attn_out", "mlp": "mlp_out"}
"""Its layer types, and where they are here; it has others, which are norms."""

SNIPPET = """from safetensors.torch import load_file
from steering_vectors import SteeringVector
named = {int(name.split(".")[-1]): tensor for name, tensor in load_file(PATH).items()}
vector = SteeringVector(named, layer_type="LAYER_TYPE")
"""
"""How to make its object of the file; kept in the metadata of the file."""


@final
class SteeringVectors(VectorFormat):
    """``layer_activations[L]`` [d_model] is added to the output of the 0-based block L (or its sublayer) times a
    multiplier, from ``min_token_index`` on.

    The package keeps its vectors only as pickled objects, and those are refused. Read are dicts of plain
    tensors: what ``torch.save(dataclasses.asdict(vector), "x.pt")`` writes there. Written is a safetensors
    file, which the package cannot open by itself; the code that makes its object of the file is in the metadata
    key ``load``.
    """

    name = "steering-vectors"
    convention = "layer_activations[L] is added to the output of 0-based block L (or sublayer), times a multiplier."

    def recognises(self, path: Path) -> bool:
        """Whether it is a dict of its fields, or a file that was written here."""
        return path.suffix in (".pt", ".pth", ".safetensors") and succeeds(lambda: _open(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers."""
        activations, kind = _open(path)
        if kind not in TYPES:
            raise VectorError(f"{path} is for {kind!r}.", fix=f"Known: {', '.join(TYPES)}.")
        return imported(self.name, path, activations, n_layers=self.n_layers, component=TYPES[kind])

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write all layers, with the code that loads them."""
        from safetensors.torch import save

        from steerstack.steering.vector_file import own_float32
        from steerstack.util.files import write_atomically

        check_addition(vector, self.name)
        kind = {component: kind for kind, component in TYPES.items()}.get(vector.component)
        if kind is None:
            raise VectorError(
                "steering-vectors adds to outputs of blocks, attention and MLP.",
                seen=vector.component,
                fix=f"Extract it at one of {', '.join(TYPES.values())}.",
            )
        tensors = {f"{kind}.{layer}": own_float32(vector[layer]) for layer in vector.layers}
        metadata = {"layer_type": kind, "load": SNIPPET.replace("LAYER_TYPE", kind)}
        write_atomically(path, save(tensors, metadata=metadata))


def _open(path: Path) -> tuple[dict[int, Tensor], str]:
    """Activations by layer, and the layer type."""
    if path.suffix == ".safetensors":
        tensors, about = read_safetensors(path)
        kind = about.get("layer_type", "")
        matches = {name: re.fullmatch(rf"{re.escape(kind)}\.(\d+)", name) for name in tensors}
        if kind and tensors and all(matches.values()):
            return {int(match[1]): tensors[name] for name, match in matches.items() if match}, kind
        raise VectorError(f"{path} was not written for steering-vectors.", seen=", ".join(tensors) or "no tensors")
    content: Any = read_torch(path)
    if not (isinstance(content, dict) and isinstance(content.get("layer_activations"), dict)):
        raise VectorError(f"{path} has no layer_activations.", seen=type(content).__name__)
    return whole_numbers(path, content["layer_activations"].items()), str(content.get("layer_type", "decoder_block"))
