"""Vectors of CAA and EasyEdit2: one bare tensor a file, the layer in its name."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import block_outputs, imported, one_layer
from steerstack_plugins.formats.common.safe_read import read_torch, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.vector import SteeringVector

_NAME = re.compile(r"(?:^|[^a-z])layer_(\d+)(?:_(.+))?\.pt")


@final
class CaaTensor(VectorFormat):
    """``vec_layer_L_MODEL.pt`` (CAA, arXiv 2312.06681) or ``layer_L.pt`` (EasyEdit2): a tensor [d_model].

    Added to the output of the 0-based block L times a multiplier, from the last token of the user's turn on
    (the positions that steerstack calls ``response``). Not normalised, unless the file lies in CAA's folder
    ``normalized_vectors``, where all have the mean norm over behaviours.
    """

    name = "caa"
    convention = "Output of the 0-based block L in the file's name, as it is, times a multiplier."

    def recognises(self, path: Path) -> bool:
        """Whether the name tells a layer and the file is one tensor of one dimension."""
        return _NAME.search(path.name) is not None and succeeds(lambda: _tensor(path) is not None)

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """The tensor, at the layer in its name or at the one given."""
        tensor = _tensor(path)
        match = _NAME.search(path.name)
        number = int(match[1]) if match else layer
        if number is None:
            raise VectorError(f"The name {path.name} tells no layer.", fix="Give it with --layer.")
        return imported(
            self.name, path, {number: tensor}, n_layers=self.n_layers, model_name=match[2] if match else None
        )

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write one layer; the name of the file must tell that layer."""
        import torch

        from steerstack.util.files import write_atomically

        layer, direction = one_layer(block_outputs(vector, self.name), self.name)
        match = _NAME.search(path.name)
        if match is None or int(match[1]) != layer:
            raise VectorError(
                "The name of a CAA file tells its layer.", seen=path.name, fix=f"Call it vec_layer_{layer}_MODEL.pt."
            )
        buffer = io.BytesIO()
        torch.save(direction, buffer)
        write_atomically(path, buffer.getvalue())


def _tensor(path: Path) -> Tensor:
    import torch

    tensor = read_torch(path)
    if not isinstance(tensor, torch.Tensor) or tensor.ndim != 1:
        raise VectorError(
            f"{path} is not one tensor [d_model].", seen=str(getattr(tensor, "shape", type(tensor).__name__))
        )
    return tensor
