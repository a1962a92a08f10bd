"""Read files that may hold anything: no pipe, no device, a bound on the size, and JSON that is a value or one error."""

import json
import stat
from pathlib import Path
from typing import Any

from steerstack.errors import LONGEST, SteerstackError

KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"),
         (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))  # fmt: skip
"""What a path may name that is not a file, and what each is called."""

BIGGEST = 256 * 1024
"""Bytes of a file that a person writes: of a plan with 4,000 edits, say."""


def check_regular(path: Path) -> None:
    """Refuse what is not a file with an end: pipes, sockets, devices and folders.

    Raises
    ------
    OSError
        It is one of those, or there is nothing.
    """
    if kind := _kind(path):
        raise OSError(f"{path} is {kind}, not a file")


def _shown(path: Path | str) -> str:
    """A path as messages have it: quoted where it does not print, and cut in its middle where it is no real one."""
    text = str(path) if str(path).isprintable() else repr(str(path))
    return text if len(text) <= LONGEST // 4 else f"{text[: LONGEST // 8]}…{text[-LONGEST // 8 :]}"


def _kind(path: Path) -> str:
    """What a path names that is not a file; empty for a file."""
    mode = path.stat().st_mode
    return next((kind for is_kind, kind in KINDS if is_kind(mode)), "")


def read_plain(path: Path | str, error: type[SteerstackError], *, most: int = BIGGEST, fix: str = "") -> str:
    """The text of a file.

    Parameters
    ----------
    path:
        The file. What could keep a reader waiting for ever (a pipe, a device) is refused without being opened.
    error:
        What is raised.
    most:
        Bytes that it may have.
    fix:
        What to do about a file that is missing or no text.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: it is missing, no plain file, too large, or not UTF-8.
    """
    name = _shown(path)
    try:
        if kind := _kind(Path(path)):
            raise error(f"{name} is no file that can be read.", seen=f"it is {kind}", fix=fix or "Give a plain file.")
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError as missing:
        raise error(f"There is no file {name}.", fix="Check the path.") from missing
    except (OSError, ValueError) as refused:  # a path with a null byte, or half of a character, is a ValueError
        raise error(f"{name} cannot be read.", seen=str(refused), fix=fix or "Check the path and its rights.") from None
    if len(content) > most:
        raise error(
            f"{name} is too large for what it should be.",
            seen=f"over {most:,} bytes",
            fix=fix or "Check that it is the right file.",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        raise error(f"{name} cannot be read as text.", seen=str(refused), fix=fix or "Save it as UTF-8.") from None


def read_json(path: Path | str, error: type[SteerstackError], *, most: int = BIGGEST, fix: str = "") -> dict[str, Any]:
    """The object that a JSON file holds.

    Parameters
    ----------
    path, error, most, fix:
        As of :func:`read_plain`.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: the file cannot be read, or is no JSON, or something else than an object.
    """
    try:
        value = load_json(read_plain(path, error, most=most, fix=fix))
    except ValueError as refused:
        raise error(f"{path} is not JSON that can be read.", seen=str(refused)[:200], fix=fix) from refused
    if not isinstance(value, dict):
        raise error(f"{path} holds no JSON object.", seen=f"a {type(value).__name__}", fix=fix)
    return value


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


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, object]:
    entries = dict(pairs)
    if len(entries) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r:.60} stands twice in one object")
    return entries


_DECODER = json.JSONDecoder(object_pairs_hook=_no_key_twice)
