"""Payloads of EasySteer, as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import block_outputs, imported
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import CUT_SHORT, read_json, succeeds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from steerstack.steering.vector import SteeringVector


@final
class EasySteerPayload(VectorFormat):
    """The wire form of a ``DirectionVector`` (EasySteer v2, arXiv 2509.25175), as for its HTTP requests.

    ``tensors`` named ``layer.L``: float32 [d_model] in base64, added by the algorithm ``direct`` to the output
    of the 0-based block L, times ``VectorSpec.scale``. ``sha256`` covers kind, names, shapes and bytes.
    EasySteer's GGUF files are control vectors: format ``gguf``. Its ``.pt`` files are loaded by EasySteer with
    ``weights_only=False``; here as format ``plain``, as tensors only.
    """

    name = "easysteer"
    suffixes = (".json",)
    convention = "layer.L is added to the output of 0-based block L, un-normalised, times VectorSpec.scale."

    def recognises(self, path: Path) -> bool:
        """Whether it is JSON of that kind."""
        return path.suffix == ".json" and succeeds(lambda: self.read(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers; raises VectorError where the digest does not fit the content."""
        import torch

        payload = read_json(path)
        if payload.get("kind") != "direction" or not payload.get("tensors") or payload.get("version") != 1:
            raise VectorError(
                f"{path} is not a payload of directions.",
                seen=f"kind {payload.get('kind')!r}, version {payload.get('version')!r}",
                fix="Only kind 'direction' of version 1 can be read.",
            )
        try:
            raw = {
                name: (tuple(entry["shape"]), base64.b64decode(entry["data"], validate=True))
                for name, entry in payload["tensors"].items()
            }
            digest = payload["sha256"]
            layers = whole_numbers(path, ((name.removeprefix("layer."), name) for name in raw))
            directions = {
                layer: torch.frombuffer(bytearray(raw[name][1]), dtype=torch.float32).reshape(raw[name][0])
                for layer, name in layers.items()
            }
        except (KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
            raise VectorError(f"{path} is not a payload of directions.", seen=str(error), fix=CUT_SHORT) from error
        if digest != _digest(raw):
            raise VectorError(f"The digest of {path} does not fit its content.", fix=CUT_SHORT)
        return imported(self.name, path, directions, n_layers=self.n_layers)

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write all layers."""
        from steerstack.util.files import write_atomically

        directions = block_outputs(vector, self.name)
        raw = {f"layer.{layer}": (tuple(t.shape), t.numpy().tobytes()) for layer, t in directions.items()}
        content: dict[str, Any] = {
            "version": 1,
            "kind": "direction",
            "tensors": {
                name: {"shape": list(shape), "data": base64.b64encode(data).decode("ascii")}
                for name, (shape, data) in sorted(raw.items())
            },
            "extra": {},
            "sha256": _digest(raw),
        }
        write_atomically(path, json.dumps(content))


def _digest(raw: Mapping[str, tuple[tuple[int, ...], bytes]]) -> str:
    """The payload's identity, as EasySteer computes it."""
    digest = hashlib.sha256(b"direction:1")
    for name, (shape, data) in sorted(raw.items()):
        for part in (name.encode(), str(shape).encode(), data):
            digest.update(part)
    return digest.hexdigest()
