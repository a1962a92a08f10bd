"""Steering vectors of vllm-lens, as JSON."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import block_outputs, imported, strength
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import BEYOND, CUT_SHORT, read_json, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.vector import SteeringVector

DTYPES = ("float32", "float64", "float16", "int16")


@final
class VllmLens(VectorFormat):
    """``SteeringVector.model_dump()``: ``activations`` [layer, d_model], ``layer_indices``, ``scale``.

    Row i is added to the output of the 0-based block ``layer_indices[i]``, times ``scale``, at all
    positions; read, the scale is part of the direction. With ``norm_match`` each activation keeps its norm: the
    edit ``norm-preserving-add``. Vectors for single positions ([layer, position, d_model]) are not read.
    Written without compression, which vllm-lens reads too; its own files are compressed by zstd, and
    reading them needs the package ``zstandard``.
    """

    name = "vllm-lens"
    suffixes = (".json",)
    convention = "Row i is added to the output of 0-based block layer_indices[i], times scale, at all positions."

    def recognises(self, path: Path) -> bool:
        """Whether it is JSON with activations and layer_indices."""
        return path.suffix == ".json" and succeeds(lambda: "layer_indices" in read_json(path) and self.read(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers."""
        payload = read_json(path)
        try:
            rows, layers = _decode(payload["activations"]), list(payload["layer_indices"])
        except (KeyError, ValueError, TypeError, RuntimeError, OverflowError, AttributeError) as error:
            raise VectorError(f"{path} is not a vector of vllm-lens.", seen=str(error), fix=CUT_SHORT) from error
        if rows.ndim != 2 or payload.get("position_indices") is not None:
            raise VectorError(
                f"{path} is for single positions.",
                seen=f"shape {tuple(rows.shape)}",
                fix="Only [layer, d_model] is read.",
            )
        if len(rows) != len(layers):
            raise VectorError(f"{path} is damaged.", seen=f"{len(rows)} rows, {len(layers)} layers", fix=CUT_SHORT)
        scale = strength(path, payload.get("scale", 1.0), "scale")
        by_layer = whole_numbers(path, zip(layers, rows, strict=True))
        directions = {number: scale * row.float() for number, row in by_layer.items()}
        return imported(
            self.name,
            path,
            directions,
            n_layers=self.n_layers,
            edit="norm-preserving-add" if payload.get("norm_match") else "add",
        )

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write all layers; ``norm_match`` for the edit norm-preserving-add."""
        from dataclasses import replace

        import torch

        from steerstack.util.files import write_atomically

        keeps_norm = vector.edit == "norm-preserving-add"
        directions = block_outputs(replace(vector, edit="add") if keeps_norm else vector, self.name)
        rows = torch.stack(list(directions.values()))
        content: dict[str, Any] = {
            "activations": {
                "data": base64.b64encode(rows.numpy().tobytes()).decode("ascii"),
                "dtype": "float32",
                "original_dtype": "torch.float32",
                "shape": list(rows.shape),
            },
            "layer_indices": list(directions),
            "scale": 1.0,
            "norm_match": keeps_norm,
            "position_indices": None,
        }
        write_atomically(path, json.dumps(content))


def _decode(entry: dict[str, Any]) -> Tensor:
    import numpy
    import torch

    raw = base64.b64decode(entry["data"], validate=True)
    if entry.get("compression") == "zstd":
        try:
            import zstandard
        except ModuleNotFoundError as error:
            raise VectorError("The vector is compressed by zstd.", fix="pip install zstandard") from error
        try:
            # a few bytes can unpack to any number of them: no more than the shape asks for
            most = math.prod(entry["shape"]) * 8
            if not 0 < most < BEYOND:
                raise ValueError(f"shape {entry['shape']}")
            raw = zstandard.ZstdDecompressor().stream_reader(raw).read(most + 1)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"dtype {entry['dtype']!r}")
    values = torch.from_numpy(numpy.frombuffer(raw, dtype=entry["dtype"]).reshape(entry["shape"]).copy())
    return values.view(torch.bfloat16) if entry.get("original_dtype") == "torch.bfloat16" else values
