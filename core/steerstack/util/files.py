"""Writing files so that a full disk or a kill never leaves half a file behind."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from steerstack.errors import SteerstackError


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write to a temporary file beside ``path``, then rename it into place.

    Raises
    ------
    SteerstackError
        The disk is full, or the folder cannot be written; what was there before is kept.
    """
    content = data.encode() if isinstance(data, str) else data
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C, too, leaves nothing behind
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        raise SteerstackError(
            f"{path} could not be written.",
            seen=str(error),
            fix="Free some space or choose another folder; nothing that was there before is lost.",
        ) from error


def append(path: Path, line: str) -> None:
    """Add a line to a file, whole or not at all, and see it on the disk.

    Raises
    ------
    OSError
        The disk is full, or the file cannot be written; it is as it was before.
    """
    content = line.encode()
    with path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            while content:
                content = content[file.write(content) :]
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(before)
            raise


def check_room(folder: Path, *, megabytes: int = 100) -> None:
    """See before the work whether its results can be written: right to write, and room.

    Raises
    ------
    SteerstackError
        The folder cannot be written or made, or the disk is nearly full.
    """
    there = _there(folder)
    try:
        free = shutil.disk_usage(there).free
        with tempfile.TemporaryFile(dir=there) as probe:  # rights say little: disks are mounted read-only, too
            probe.write(b"steerstack")
    except OSError as error:
        raise SteerstackError(
            f"{folder} cannot be written, so nothing was started.",
            seen=str(error),
            fix="Choose another folder (STEERSTACK_HOME for studies and the registry), or mend the rights.",
        ) from error
    if free < megabytes * 1_000_000:
        raise SteerstackError(
            f"The disk of {folder} is nearly full, so nothing was started.",
            seen=f"{free / 1e6:.0f} MB free, at least {megabytes} are wanted",
            fix="Free some space, or choose another folder (STEERSTACK_HOME for studies and the registry).",
        )


def check_target(path: Path, *, megabytes: int = 100) -> None:
    """See before the work whether a file of so many megabytes can be written when it is done.

    Raises
    ------
    SteerstackError
        It is a folder, or no file can have its name, or its folder cannot be written, or the disk is nearly full.
    """
    if os.path.isdir(path):
        raise SteerstackError(
            f"{path} cannot be written, so nothing was started.", seen="a folder", fix="Name a file in it."
        )
    there = _there(path.parent)
    for name in (*path.parts[:-1], f".{path.name}.12345678"):  # as write_atomically calls it first
        try:
            (there / name).lstat()
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise SteerstackError(
                f"{path} cannot be written, so nothing was started.", seen=str(error), fix="Choose another name."
            ) from error
    check_room(path.parent, megabytes=megabytes)


def _there(folder: Path) -> Path:
    """The folder itself, or the nearest above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.exists(path))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value, whole or not at all; NaN and infinity are refused."""
    write_atomically(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
