"""What a server of nnsight's protocol saved, read from the pickle in which it comes, without running any of it.

NDIF answers with ``torch.save``. torch's own reader for untrusted files does not know pickle's protocol 4, in which
that is written. Here a pickle may build tensors, numbers, text and containers of these, and nothing else: first every
instruction in it is looked at, then every name in it must be one of a few, which stand for functions of ours.
"""

import io
import math
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import nnsight.intervention.backends.remote as nnsight_remote
import torch
import zstandard
from nnsight.schema.response import ResponseModel, Status
from torch import Tensor

from steerstack.errors import RemoteError
from steerstack.trace.remote.keys import key_for
from steerstack.trace.remote.pickle_bounds import check_bounds

SPREAD = 1 << 27
"""Bytes up to which a tensor may be larger than those it repeats (an expanded one)."""

DECOMPRESSED = 1 << 30
"""Bytes up to which an answer may grow when it is decompressed, and beyond them a hundredfold."""

_BROKEN = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, EOFError, RecursionError, MemoryError, NotImplementedError),
    *(KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError, AssertionError),
)
"""What reading a malformed file leads to."""


def read_saved(content: bytes) -> Any:
    """What ``torch.save`` wrote: tensors on the CPU, numbers, text, and containers of these.

    Raises
    ------
    RemoteError
        It holds anything else, or is damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _Archive(archive).load()
    except _BROKEN as error:
        raise RemoteError(
            "The server's answer was not read: it holds more than tensors, numbers and text, or is damaged.",
            seen=f"{type(error).__name__}: {str(error)[:200]}",
            fix="Nothing in it was run. Use a server that you trust; save tensors and plain values in a trace.",
        ) from error


def decompressed(content: bytes, compress: bool) -> bytes:
    """The bytes as they were before a server compressed them."""
    if not compress:
        return content
    bound = max(DECOMPRESSED, 100 * len(content))
    try:
        if zstandard.frame_content_size(content) > bound:  # -1 where it does not say
            raise zstandard.ZstdError(f"{len(content)} bytes that would become more than {bound}")
        return zstandard.ZstdDecompressor().decompress(content, max_output_size=bound)
    except zstandard.ZstdError as error:
        raise RemoteError("The server's answer is damaged.", seen=str(error)) from error


class _Function:
    """A function that no pickle can change: an attribute cannot be set on it."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> Any:
        return self._call(*args)


class _Archive:
    """The parts of a file that ``torch.save`` wrote."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        names = {name.partition("/")[2]: name for name in archive.namelist()}
        self._archive, self._names = archive, names
        if "byteorder" in names and self._read("byteorder").decode() != sys.byteorder:
            raise ValueError("written on a machine of another byte order")

    def load(self) -> Any:
        """The value."""
        data = self._read("data.pkl")
        check_bounds(data)
        return _Reader(io.BytesIO(data), self._read).load()

    def _read(self, name: str) -> bytes:
        part = self._archive.getinfo(self._names[name])
        if part.compress_type != zipfile.ZIP_STORED:
            raise ValueError("a compressed part, which torch does not write")
        return self._archive.read(part)


class _Reader(pickle.Unpickler):
    """Knows a few names, and nothing of what is installed."""

    def __init__(self, file: io.BytesIO, part: Callable[[str], bytes]) -> None:
        super().__init__(file)
        self._part = part
        self._storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch":
            if isinstance(kind := getattr(torch, name, None), torch.dtype):
                return kind
            if name in _STORAGES:
                return _STORAGES[name]
        home = "builtins" if module == "__builtin__" else module  # so called in pickle's protocol 2
        if f"{home}.{name}" in _KNOWN:
            return _KNOWN[f"{home}.{name}"]
        raise pickle.UnpicklingError(f"the name {module}.{name}")

    def persistent_load(self, told: Any) -> Tensor:
        kind, dtype, key, _, size = told
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not isinstance(size, int):
            raise pickle.UnpicklingError("a part that is no tensor")
        if key not in self._storages:
            data = bytearray(self._part(f"data/{key}"))
            self._storages[key] = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0).byte()
        return self._storages[key].view(dtype)


def _tensor(
    storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], requires_grad: bool, *_: Any
) -> Tensor:
    reach = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True)) + 1
    if min((offset, *size, *stride), default=0) < 0 or (0 not in size and reach > storage.numel()):
        raise ValueError(f"a tensor of {tuple(size)} beyond its bytes")
    if math.prod(size) * storage.element_size() > max(storage.nbytes, SPREAD):
        raise ValueError(f"a tensor of {tuple(size)} that repeats {storage.nbytes} bytes")
    return storage.as_strided(tuple(size), tuple(stride), offset).requires_grad_(requires_grad is True)


def _tensor_of_bytes(storage: Tensor, *told: Any) -> Tensor:
    *how, requires_grad, _, dtype = told[:6]
    return _tensor(storage.view(dtype), *how, requires_grad)


def _bytes_of(*told: Any) -> bytearray:
    """Bytes that are in the file; of a number ``bytearray`` would make as many zeros."""
    if told and not isinstance(told[0], bytes | str):
        raise ValueError("bytes that are not in the file")
    return bytearray(*told)


_STORAGES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128,
}  # fmt: skip

_KNOWN: Mapping[str, Any] = {
    "torch._utils._rebuild_tensor_v2": _Function(_tensor),
    "torch._utils._rebuild_tensor_v3": _Function(_tensor_of_bytes),
    "torch._utils._rebuild_parameter": _Function(lambda data, *_: data),
    "torch.storage.UntypedStorage": torch.uint8,
    "torch.Size": _Function(torch.Size),
    "torch.device": _Function(torch.device),
    "torch.serialization._get_layout": _Function(lambda *_: torch.strided),
    "collections.OrderedDict": _Function(dict),
    "builtins.set": _Function(set),
    "builtins.frozenset": _Function(frozenset),
    "builtins.bytearray": _Function(_bytes_of),
    "builtins.complex": _Function(complex),
    "builtins.slice": _Function(slice),
    "_codecs.encode": _Function(lambda text, _: text.encode("latin1")),  # bytes, in pickle's protocol 2
    "nnsight.schema.response.Status": _Function(Status),
}


def _finalize(self: nnsight_remote.RemoteBackend, content: bytes) -> Any:
    """In place of nnsight's, which runs what it is sent."""
    return read_saved(decompressed(content, self.compress))


def _unpickle(cls: type[ResponseModel], data: bytes) -> ResponseModel:
    """In place of nnsight's, which runs what it is sent."""
    return cls(**read_saved(data))


_make = nnsight_remote.RemoteBackend.__init__


def _begin(
    self: nnsight_remote.RemoteBackend, model_key: str, host: str | None = None, *args: Any, **more: Any
) -> None:
    """As nnsight's, whose saved key goes to NDIF alone."""
    own_key = (args[0] if args else more.get("api_key")) is not None
    _make(self, model_key, host, *args, **more)
    if not own_key:
        self.api_key = key_for(self.host) or ""


def guard_nnsight() -> None:
    """Let nnsight's clients in this process read answers by :func:`read_saved`, and send keys by :func:`key_for`."""
    nnsight_remote.RemoteBackend.__init__ = _begin  # type: ignore[method-assign]
    nnsight_remote.RemoteBackend.finalize = _finalize  # type: ignore[method-assign]
    ResponseModel.unpickle = classmethod(_unpickle)  # type: ignore[method-assign, assignment]
