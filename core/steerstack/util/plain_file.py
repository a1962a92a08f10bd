"""Reading a file that somebody else wrote: plain, of a size that can be expected, and text."""

import os
import stat
from pathlib import Path

from steerstack.errors import SteerstackError

BIGGEST = 256 * 1024
"""Bytes of a file that a person writes: of a plan with 4,000 edits, say."""


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
    shown = repr(str(path)) if not str(path).isprintable() else str(path)
    try:
        kind = os.stat(path).st_mode
        if not stat.S_ISREG(kind):
            named = "a folder" if stat.S_ISDIR(kind) else "a pipe, a socket or a device"
            raise error(f"{shown} is no file that can be read.", seen=named, fix=fix or "Give a plain file.")
        with open(path, "rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError as missing:
        raise error(f"There is no file {shown}.", fix="Check the path.") from missing
    except (OSError, ValueError) as refused:  # a path with a null byte, or half of a character, is a ValueError
        raise error(
            f"{shown} cannot be read.", seen=str(refused), fix=fix or "Check the path and its rights."
        ) from None
    if len(content) > most:
        raise error(
            f"{shown} is too large for what it should be.",
            seen=f"over {most:,} bytes",
            fix=fix or "Check that it is the right file.",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        raise error(f"{shown} cannot be read as text.", seen=str(refused), fix=fix or "Save it as UTF-8.") from None
