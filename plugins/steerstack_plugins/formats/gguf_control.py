"""Control vectors of llama.cpp and repeng, as GGUF files."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError, first_line
from steerstack.util.gguf_header import check_header
from steerstack.util.guard import load_json
from steerstack_plugins.formats.common.conversion import block_outputs, imported, model_type
from steerstack_plugins.formats.common.layers import whole_numbers
from steerstack_plugins.formats.common.safe_read import CUT_SHORT, succeeds

if TYPE_CHECKING:
    from steerstack.steering.vector import SteeringVector

ARCHITECTURE, PREFIX = "controlvector", "direction."
MOST = 10_000
"""Keys, tensors, and entries of arrays that the header of a vector may have; a model's tokens are more."""


@final
class ControlVector(VectorFormat):
    """Tensors ``direction.N``, float32 [d_model], added to the output of the 0-based block N.

    llama.cpp adds ``direction.N`` at the end of its graph's block N (``build_cvec(cur, il)``; its loader
    stores N at N - 1 and reads it back from there) and refuses N = 0; repeng writes the same numbers and
    adds at the same place; so does EasySteer, which also takes block 0. The generator of llama.cpp and
    brainpatch number the output of block N as N + 1, so that their vectors act one block after the
    one they were read from: read those with ``offset=-1`` to put them back. The scale is given
    when the file is loaded (``--control-vector-scaled``); 1 adds the tensors as they are.
    """

    name = "gguf"
    suffixes = (".gguf",)
    convention = "direction.N is added to the output of 0-based block N (N from 1), un-normalised, times a scale."

    def recognises(self, path: Path) -> bool:
        """Whether it is a GGUF file with control vectors."""
        return succeeds(lambda: self.read(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All directions; entries of one layer do not occur twice in a GGUF file."""
        import torch

        from steerstack.steering.vector_file import refuse_pickle

        if path.is_file():
            refuse_pickle(path)
        tensors, about = _open(path)
        names = {name: re.fullmatch(r"direction\.(\d+)", name) for name in tensors}
        entries = [(match[1], tensors[name]) for name, match in names.items() if match]
        directions = {layer: torch.tensor(data) for layer, data in whole_numbers(path, entries).items()}
        if not directions or any(direction.ndim != 1 for direction in directions.values()):
            raise VectorError(f"{path} holds no control vectors.", seen=", ".join(tensors) or f"no tensors {PREFIX}N")
        native = _native(path, about.get(f"{ARCHITECTURE}.easysteer"))
        if native.get("component") not in (None, "hidden_states"):
            raise VectorError(
                f"{path} holds directions at {native['component']}.", fix="Only those of hidden states can be added."
            )
        hint, method = (about.get(f"{ARCHITECTURE}.{key}") for key in ("model_hint", "method"))
        return imported(self.name, path, directions, n_layers=self.n_layers, model_type=hint, method=method)

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write all layers; raises VectorError for block 0, which llama.cpp refuses."""
        from gguf import GGUFWriter

        from steerstack.util.files import write_atomically

        directions = block_outputs(vector, self.name)
        if 0 in directions:
            raise VectorError(
                "llama.cpp refuses a control vector for block 0.",
                seen=f"layers {', '.join(map(str, directions))}",
                fix="Choose the layers to write with --layers.",
            )
        with TemporaryDirectory() as folder:
            scratch = Path(folder) / "vector.gguf"
            writer = GGUFWriter(scratch, ARCHITECTURE)
            try:
                writer.add_string(f"{ARCHITECTURE}.model_hint", model_type(vector) or "unknown")
                writer.add_uint32(f"{ARCHITECTURE}.layer_count", len(directions))
                for layer, direction in directions.items():
                    writer.add_tensor(f"direction.{layer}", direction.numpy())
                writer.write_header_to_file()
                writer.write_kv_data_to_file()
                writer.write_tensors_to_file()
            finally:
                writer.close()
            write_atomically(path, scratch.read_bytes())


def _native(path: Path, told: object) -> dict[str, object]:
    """What EasySteer says of its own files."""
    try:
        metadata = load_json(told) if isinstance(told, str) and told else {}
    except ValueError as error:
        raise VectorError(
            f"{path} says nothing that can be read of itself.", seen=str(error)[:80], fix=CUT_SHORT
        ) from error
    if not isinstance(metadata, dict) or (told is not None and not isinstance(told, str)):
        raise VectorError(f"{path} says nothing that can be read of itself.", seen=f"{told!r:.60}", fix=CUT_SHORT)
    return metadata


def _open(path: Path) -> tuple[dict[str, Any], dict[str, object]]:
    """Directions, copied out of the file, and the fields of its header."""
    from gguf import GGUFReader

    try:
        check_header(path, most=MOST)
        reader = GGUFReader(path)
        tensors = {t.name: t.data.copy() for t in reader.tensors if t.name.startswith(PREFIX)}
        return tensors, {name: field.contents() for name, field in reader.fields.items()}
    except Exception as error:  # which errors come of a damaged file is the library's secret
        raise VectorError(f"{path} cannot be read as GGUF.", seen=first_line(error)[:200], fix=CUT_SHORT) from error
