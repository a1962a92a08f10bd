"""The header of a GGUF file, walked before a library reads it: every length fits into the file."""

import mmap
import struct
from pathlib import Path

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of the scalar types; 8 is a string, and 9 an array."""

_TEXT, _ARRAY = 8, 9
_LEAST_KEY, _LEAST_TENSOR = 13, 24
"""Bytes that a key and a tensor take at the least."""


def check_header(path: Path, *, most: int | None = None) -> None:
    """Refuse a header that claims more than its file holds.

    Parameters
    ----------
    path:
        A file.
    most:
        Keys, tensors, and entries of arrays that it may have; None for as many as the file has room for.

    Raises
    ------
    ValueError
        It claims more; or it is no GGUF file of version 2 or 3 in this machine's order of bytes.
    OSError
        The file cannot be read.
    """
    size = path.stat().st_size
    if not size:
        raise ValueError("it is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        _Header(data, size if most is None else most).walk(size)


class _Header:
    """A header that is walked once; ``left`` is how many more entries of arrays there may be."""

    def __init__(self, data: mmap.mmap, most: int) -> None:
        self._data, self._most, self._left, self._at = data, most, most, 4

    def walk(self, size: int) -> None:
        """From the beginning to the end of the tensors' descriptions."""
        if self._data[:4] != b"GGUF":
            raise ValueError("it does not begin with GGUF")
        version, tensors, keys = self._take("<IQQ")
        if version not in (2, 3):
            raise ValueError(f"version {version}; known are 2 and 3")
        if max(tensors, keys) > self._most or keys * _LEAST_KEY + tensors * _LEAST_TENSOR > size:
            raise ValueError(f"{tensors} tensors and {keys} keys")
        for _ in range(keys):
            self._text()
            (kind,) = self._take("<I")
            self._value(kind)
        for _ in range(tensors):
            self._text()
            (dimensions,) = self._take("<I")
            if dimensions > 4:
                raise ValueError(f"a tensor of {dimensions} dimensions")
            shape = self._take(f"<{dimensions}Q")
            if max(shape, default=0) > size * 8:
                raise ValueError(f"a tensor of shape {shape} in a file of {size} bytes")
            self._take("<IQ")

    def _take(self, form: str) -> tuple[int, ...]:
        begin = self._at
        self._skip(struct.calcsize(form), "the header is cut short")
        return struct.unpack_from(form, self._data, begin)

    def _skip(self, size: int, otherwise: str) -> None:
        if self._at + size > len(self._data):
            raise ValueError(otherwise)
        self._at += size

    def _text(self) -> None:
        (length,) = self._take("<Q")
        self._skip(length, f"a text of {length} bytes, beyond the end")

    def _value(self, kind: int) -> None:
        if kind == _TEXT:
            self._text()
        elif kind == _ARRAY:
            self._array()
        elif kind in _SIZES:
            self._skip(_SIZES[kind], "the header is cut short")
        else:
            raise ValueError(f"a value of type {kind}")

    def _array(self) -> None:
        kind, count = self._take("<IQ")
        self._left -= count
        if kind == _ARRAY or self._left < 0:
            raise ValueError("arrays in arrays" if kind == _ARRAY else f"an array of {count} entries")
        if kind in _SIZES:
            self._skip(_SIZES[kind] * count, f"an array of {count} entries, beyond the end")
            return
        for _ in range(count):
            self._value(kind)
