"""Tensors in files that say nothing more: ``.pt``, ``.npy``, ``.safetensors``."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, ClassVar, final

from steerstack.contracts import VectorFormat
from steerstack.errors import UnsafeFileError, VectorError
from steerstack_plugins.formats.common.converting import block_outputs, imported
from steerstack_plugins.formats.common.safe_read import CUT_SHORT, read_safetensors, read_torch, succeeds

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.vector import SteeringVector

SUFFIXES = (".pt", ".pth", ".npy", ".safetensors")


@final
class PlainTensors(VectorFormat):
    """A tensor [d_model], for the layer given; [layer, d_model], a row a block; or tensors by layer.

    Taken to be added to the output of the 0-based block, as they are: hotwire and hidden-directions keep
    such files. Rows of zeros stand for blocks without a direction. Rows that count like
    ``hidden_states``, from the embedding on, are read with ``offset=-1``. In dicts and safetensors the names
    hold one number each, the layer (``3``, ``layer_3``, ``blocks.3.v``); a single tensor may have any name.
    Written are dicts by layer, or, as ``.npy``, rows from block 0 on. Arrays of objects are pickles, and refused.
    """

    name = "plain"
    convention = "Row or name L is added to the output of 0-based block L, as it is; [d_model] at the layer given."
    generic: ClassVar[bool] = True

    def recognises(self, path: Path) -> bool:
        """Whether it is tensors that can be told apart by layer."""
        return path.suffix in SUFFIXES and succeeds(lambda: _tensors(path))

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers that have a direction."""
        found = _tensors(path)
        if set(found) == {None}:
            whole = found[None]
            if whole.ndim == 1 and layer is None:
                raise VectorError(
                    f"{path} is one direction and does not say its layer.",
                    seen=f"shape {tuple(whole.shape)}",
                    fix="Give it with --layer: the 0-based block after whose output it is added.",
                )
            rows = {layer or 0: whole} if whole.ndim == 1 else dict(enumerate(whole))
        else:
            rows = {number: tensor.reshape(-1) for number, tensor in found.items() if number is not None}
        return imported(self.name, path, {number: row for number, row in rows.items() if bool(row.any())})

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write by the suffix of the file."""
        import numpy
        import torch
        from safetensors.torch import save

        from steerstack.util.files import write_atomically

        directions = block_outputs(vector, self.name)
        buffer = io.BytesIO()
        if path.suffix == ".npy":
            rows = torch.zeros(max(directions) + 1, vector.d_model)
            rows[list(directions)] = torch.stack(list(directions.values()))
            numpy.save(buffer, rows.numpy(), allow_pickle=False)
        elif path.suffix == ".safetensors":
            buffer.write(save({f"layer_{layer}": direction for layer, direction in directions.items()}))
        elif path.suffix in (".pt", ".pth"):
            torch.save(directions, buffer)
        else:
            raise VectorError(f"{path.name} has no known suffix.", fix=f"Known: {', '.join(SUFFIXES)}.")
        write_atomically(path, buffer.getvalue())


def _tensors(path: Path) -> dict[int | None, Tensor]:
    """Tensors by layer; the one tensor of a file that names no layer by None."""
    import torch

    found: Any = _npy(path) if path.suffix == ".npy" else None
    if found is None:
        found = read_safetensors(path)[0] if path.suffix == ".safetensors" else read_torch(path)
    if isinstance(found, dict):
        numbers = {key: re.findall(r"\d+", str(key)) for key in found}
        if found and all(len(number) == 1 for number in numbers.values()):
            found = {int(numbers[key][0]): tensor for key, tensor in found.items()}
        else:
            found = next(iter(found.values())) if len(found) == 1 else found
    by_layer = found if isinstance(found, dict) else {None: found}
    for number, tensor in by_layer.items():
        fits = (
            isinstance(tensor, torch.Tensor)
            and tensor.is_floating_point()
            and (number is None or isinstance(number, int))
        )
        if not fits or not (tensor.ndim == 1 or (tensor.ndim == 2 and (number is None or len(tensor) == 1))):
            raise VectorError(
                f"{path} is not directions by layer.",
                seen=f"{number}: {getattr(tensor, 'shape', type(tensor).__name__)}",
                fix="Wanted: [d_model], [layer, d_model], or one tensor a layer whose name holds its number.",
            )
    if not by_layer:
        raise VectorError(f"{path} is empty.", fix=CUT_SHORT)
    return by_layer


def _npy(path: Path) -> Tensor:
    import numpy
    import torch

    start = path.read_bytes()[:6]
    if start != b"\x93NUMPY":
        kind = UnsafeFileError if start[:1] in (b"\x80", b"P") else VectorError
        raise kind(f"{path} is not a .npy file.", seen=f"first bytes {start!r}", fix=CUT_SHORT)
    try:
        return torch.from_numpy(numpy.load(path, allow_pickle=False))
    except (ValueError, EOFError, OSError, TypeError) as error:
        objects = "allow_pickle" in str(error)
        kind = UnsafeFileError if objects else VectorError
        raise kind(
            f"{path} holds objects, as a pickle." if objects else f"{path} cannot be read.",
            seen=str(error),
            fix=CUT_SHORT,
        ) from error
