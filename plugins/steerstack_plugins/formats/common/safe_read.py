"""Opening files of other tools: nothing in them runs, and none keeps the reader waiting or fills the memory."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from steerstack.errors import SteerstackError, UnsafeFileError, VectorError, first_line
from steerstack.util.guard import check_regular, load_json
from steerstack_plugins.formats.common.archive import BEYOND, check_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor

CUT_SHORT = "It may have been cut short in a copy: compare sizes, or export it again."


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; raises VectorError, or UnsafeFileError for a pickle."""
    from steerstack.steering.vector_file import read_safetensors as read

    return read(path)


def read_torch(path: Path) -> Any:
    """What ``torch.save`` wrote, if it is tensors, numbers, strings, and lists and dicts of them.

    Read with ``weights_only=True``: nothing in the file runs.

    Raises
    ------
    UnsafeFileError
        It holds other objects, or is a pickle that torch did not write.
    VectorError
        It was not written by ``torch.save``, unpacks to far more than it is, or its tensors claim
        more numbers than the file holds.
    """
    import torch

    _check(path)
    with path.open("rb") as file:
        start = file.read(4)
    if start[:2] not in (b"PK", b"\x80\x02"):
        kind = UnsafeFileError if start[:1] == b"\x80" else VectorError
        raise kind(f"{path} was not written by torch.save.", seen=f"first bytes {start!r}", fix=CUT_SHORT)
    if start[:2] == b"PK":
        check_archive(path)
    try:
        with path.open("rb") as file, warnings.catch_warnings():  # a name ending otherwise changes what torch does
            warnings.simplefilter("ignore")
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of what kind a damaged archive's errors are is torch's secret
        raise UnsafeFileError(
            f"{path} is a damaged archive, or a pickle of more than tensors; nothing in it is run.",
            seen=" ".join(str(error).split())[:160] or type(error).__name__,
            fix="Where you trust it, load it there and save its tensors alone, with torch.save or safetensors.",
        ) from error
    for tensor in _tensors(content, 0):
        _check_tensor(path, tensor)
    return content


def _tensors(value: Any, depth: int) -> Iterator[Tensor]:
    """The tensors in lists and dicts, a few levels deep; those further in are in no format's place."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple) and depth < 4:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _tensors(part, depth + 1)


def _check_tensor(path: Path, tensor: Tensor) -> None:
    """Refuse a tensor that is not there, or that stands for more numbers than were saved."""
    import torch

    is_dense = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if not is_dense or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise VectorError(
            f"{path} holds a tensor whose numbers are not in the file.",
            seen=f"shape {tuple(tensor.shape)}, {tensor.layout}, on {tensor.device}",
            fix="Save it whole: tensor.cpu().to_dense().clone().",
        )


def read_numpy(path: Path) -> dict[str, Tensor]:
    """Arrays of a ``.npy`` file (called ``""``) or of a ``.npz`` archive, by name.

    Raises
    ------
    UnsafeFileError
        It holds objects, which are pickled.
    VectorError
        It is no such file, or claims more numbers than it holds.
    """
    import numpy
    import torch

    _check(path)
    with path.open("rb") as file:
        start = file.read(6)
    archive = start[:4] == b"PK\x03\x04" and path.suffix == ".npz"
    if start != b"\x93NUMPY" and not archive:
        kind = UnsafeFileError if start[:1] in (b"\x80", b"P") else VectorError
        raise kind(f"{path} is not a {path.suffix} file.", seen=f"first bytes {start!r}", fix=CUT_SHORT)
    if archive:
        check_archive(path)
    try:
        with path.open("rb") as file:
            if not archive:
                _check_shape(file, path.stat().st_size)
            content = numpy.load(file, allow_pickle=False)
            entries = content.items() if archive else [("", content)]
            arrays = {name: array for name, array in entries if not (archive and array.dtype.kind in "US")}
        # numbers that torch does not know, such as float128 or text, are a TypeError
        return {name: torch.from_numpy(numpy.ascontiguousarray(array)) for name, array in arrays.items()}
    except Exception as error:
        objects = "allow_pickle" in str(error)
        kind = UnsafeFileError if objects else VectorError
        raise kind(
            f"{path} holds objects, as a pickle." if objects else f"{path} cannot be read.",
            seen=first_line(error)[:200],
            fix=CUT_SHORT,
        ) from error


def _check_shape(file: Any, size: int) -> None:
    """Refuse an array of more numbers than the file has bytes; raises ValueError. The file is left at its start."""
    import math

    from numpy.lib import format as npy

    version = npy.read_magic(file)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = reader(file)
    file.seek(0)
    if dtype.hasobject:
        raise ValueError("objects need allow_pickle")
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"shape {shape} of {dtype} is more than the file's {size} bytes")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; raises VectorError, or UnsafeFileError for a pickle."""
    from steerstack.steering.vector_file import refuse_pickle

    _check(path)
    refuse_pickle(path)
    try:
        content = load_json(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, MemoryError) as error:
        raise VectorError(
            f"{path} is not JSON that can be read.", seen=first_line(error)[:200], fix=CUT_SHORT
        ) from error
    if not isinstance(content, dict):
        raise VectorError(f"{path} is not a JSON object.", seen=type(content).__name__, fix=CUT_SHORT)
    return content


def _check(path: Path) -> None:
    try:
        check_regular(path)
    except OSError as error:
        raise VectorError(f"{path} is no vector file.", seen=str(error), fix="Give the file itself.") from error


def succeeds(read: Callable[[], object]) -> bool:
    """Whether something can be read, and is not empty."""
    try:
        return bool(read())
    except (SteerstackError, OSError):
        return False


__all__ = ["BEYOND", "CUT_SHORT", "read_json", "read_numpy", "read_safetensors", "read_torch", "succeeds"]
