"""Read files that may hold anything: no waiting on pipes or devices, and JSON that gives a value or one error."""

import json
import stat
from pathlib import Path
from typing import Any

KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
         (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))  # fmt: skip
"""What a path may name that is not a file, and what each is called."""


def check_regular(path: Path) -> None:
    """Refuse what is not a file with an end: pipes, sockets, devices and folders.

    Raises
    ------
    OSError
        It is one of those, or there is nothing.
    """
    mode = path.stat().st_mode
    for is_kind, kind in KINDS:
        if is_kind(mode):
            raise OSError(f"{path} is {kind}, not a file")


def parse_json(text: str, *, at: int = 0) -> tuple[Any, int]:
    """The JSON value that begins at a place of the text, and where it ends.

    Raises
    ------
    ValueError
        It is not JSON (json.JSONDecodeError, which knows the line), names a key twice, nests too deeply, or
        holds an integer of thousands of digits.
    """
    try:
        return _DECODER.raw_decode(text, at)
    except RecursionError:
        raise ValueError("lists or objects nest too deeply") from None
    except MemoryError:
        raise ValueError("it does not fit in memory") from None


def load_json(text: str) -> Any:
    """The one JSON value that a text holds; raises ValueError as :func:`parse_json` does."""
    value, end = parse_json(text, at=len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r:.60} stands twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_no_key_twice)
