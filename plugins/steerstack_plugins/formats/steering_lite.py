"""Vectors of steering-lite."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack.util.guard import load_json
from steerstack_plugins.formats.common.conversion import block_outputs, imported, strength
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import CUT_SHORT, read_safetensors, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.vector import SteeringVector

ADDED = ("mean_diff", "pca", "random")
"""Its methods that add ``coeff * v`` and nothing else."""


@final
class SteeringLite(VectorFormat):
    """Tensors ``layerL.v`` [d_model] and the metadata key ``cfg``, with ``method`` and ``coeff``.

    ``coeff * v`` is added to the output of the 0-based block L, at all positions; read, the coefficient is
    part of the direction. Its methods that do other things than add are not read. It runs in
    ``cfg.dtype``, bfloat16 by default; written here is float32, coefficient 1 and method mean_diff.
    """

    name = "steering-lite"
    convention = "layerL.v is added to the output of 0-based block L, times coeff of the metadata, at all positions."

    def recognises(self, path: Path) -> bool:
        """Whether it has a cfg with a method, and tensors layerL.KEY."""
        return path.suffix == ".safetensors" and succeeds(lambda: _open(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers."""
        tensors, cfg = _open(path)
        matches = {name: re.fullmatch(r"layer(\d+)\.(?:shared\.)?v", name) for name in tensors}
        if cfg["method"] not in ADDED or cfg.get("target_submodule") or not all(matches.values()):
            raise VectorError(
                f"The method {cfg['method']!r} of {path} does more than add one direction.",
                seen=", ".join(sorted(tensors)[:4]),
                fix=f"Only {', '.join(ADDED)}, at whole blocks, can be read.",
            )
        coefficient = strength(path, cfg.get("coeff", 1.0), "coefficient")
        by_layer = whole_numbers(path, ((match[1], tensors[name]) for name, match in matches.items() if match))
        directions = {layer: coefficient * tensor.float() for layer, tensor in by_layer.items()}
        return imported(self.name, path, directions, n_layers=self.n_layers, method=cfg["method"], coeff=coefficient)

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write all layers."""
        from safetensors.torch import save

        from steerstack.util.files import write_atomically

        directions = block_outputs(vector, self.name)
        cfg = {
            "method": "mean_diff",
            "layers": list(directions),
            "target": "residual",
            "target_submodule": None,
            "coeff": 1.0,
            "dtype": "float32",
            "seed": 0,
            "normalize": False,
            "subtract_corpus_mean": False,
        }
        tensors = {f"layer{layer}.v": direction for layer, direction in directions.items()}
        write_atomically(path, save(tensors, metadata={"cfg": json.dumps(cfg)}))


def _open(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    tensors, metadata = read_safetensors(path)
    try:
        cfg = load_json(metadata.get("cfg", "null"))
    except ValueError as error:
        raise VectorError(f"The metadata of {path} cannot be read.", seen=str(error), fix=CUT_SHORT) from error
    if not (isinstance(cfg, dict) and isinstance(cfg.get("method"), str) and tensors):
        raise VectorError(f"{path} is not of steering-lite.", seen="no cfg with a method in its metadata")
    return tensors, cfg
