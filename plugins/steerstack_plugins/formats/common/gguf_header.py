"""The header of a GGUF file, walked before the file is read: every length fits into the file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of the scalar types; 8 is a string, and 9 an array."""

MOST = 10_000
"""Keys, tensors, and entries of arrays that the header of a vector may have; a model's tokens are more."""


def check_header(path: Path) -> None:
    """Refuse a header that claims more than its file holds, or than a vector's header could.

    Raises
    ------
    ValueError
        It does; or it is no GGUF file of version 2 or 3 in this machine's order of bytes.
    """
    with path.open("rb") as file:
        head = file.read(64_000_000)  # tensors come after the header, and vectors are small
    if head[:4] != b"GGUF":
        raise ValueError("it does not begin with GGUF")
    version, tensors, keys = _unpack(head, 4, "<IQQ")
    if version not in (2, 3):
        raise ValueError(f"version {version}; known are 2 and 3")
    if tensors > MOST or keys > MOST:
        raise ValueError(f"{tensors} tensors and {keys} keys")
    at, budget = 24, [MOST]
    for _ in range(keys):
        at = _string(head, at)
        (kind,) = _unpack(head, at, "<I")
        at = _value(head, at + 4, kind, budget)
    for _ in range(tensors):
        at = _string(head, at)
        (dimensions,) = _unpack(head, at, "<I")
        if dimensions > 4:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        shape = _unpack(head, at + 4, f"<{dimensions}Q")
        if max(shape, default=0) > path.stat().st_size * 8:
            raise ValueError(f"a tensor of shape {shape} in a file of {path.stat().st_size} bytes")
        at += 4 + 8 * dimensions + 12


def _unpack(data: bytes, at: int, form: str) -> tuple[int, ...]:
    if at + struct.calcsize(form) > len(data):
        raise ValueError("the header is cut short")
    return struct.unpack_from(form, data, at)


def _string(data: bytes, at: int) -> int:
    """Where a string ends."""
    (length,) = _unpack(data, at, "<Q")
    if at + 8 + length > len(data):
        raise ValueError(f"a text of {length} bytes, beyond the end")
    return at + 8 + length


def _value(data: bytes, at: int, kind: int, left: list[int]) -> int:
    """Where a value ends; ``left`` is how many more entries of arrays there may be."""
    if kind == 8:
        return _string(data, at)
    if kind != 9:
        if kind not in _SIZES:
            raise ValueError(f"a value of type {kind}")
        return at + _SIZES[kind]
    inner, count = _unpack(data, at, "<IQ")
    left[0] -= count
    if inner == 9 or left[0] < 0:
        raise ValueError("arrays in arrays" if inner == 9 else f"an array of {count} entries")
    at += 12
    for _ in range(count):
        at = _value(data, at, inner, left)
    return at
