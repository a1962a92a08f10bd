"""Archives of torch and numpy, looked at before anything in them is loaded: their sizes, and what they would call."""

from __future__ import annotations

import pickletools
import zipfile
from typing import TYPE_CHECKING

from steerstack.errors import UnsafeFileError, VectorError

if TYPE_CHECKING:
    from pathlib import Path

BEYOND = 100_000_000
"""Bytes by which what a file holds may exceed the file itself."""

_ALLOWED = frozenset(
    ("collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
     "torch._utils._rebuild_parameter", "torch.Size", "torch.device", "torch.storage.UntypedStorage")
)  # fmt: skip
"""What a pickle of plain tensors calls by name, with storages of each dtype beside."""


def check_archive(path: Path) -> None:
    """Refuse a zip archive that unpacks to far more than it is, or that calls for more than tensors.

    Raises
    ------
    VectorError
        It is damaged, or unpacks to over 100 MB more than its own size.
    UnsafeFileError
        It is a pickle of more than tensors.
    """
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            inside = sum(entry.file_size for entry in archive.infolist())
            if inside > size + BEYOND or len(archive.infolist()) > 100_000:
                raise VectorError(
                    f"{path} unpacks to far more than it is.",
                    seen=f"{size} bytes that hold {inside} in {len(archive.infolist())} entries",
                    fix="It was made to fill the memory, or is no vector.",
                )
            for entry in archive.infolist():
                if entry.filename.endswith("data.pkl"):
                    check_calls(path, archive.read(entry))
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnsafeFileError(
            f"{path} is a damaged archive, or a pickle of more than tensors; nothing in it is run.",
            seen=str(error)[:160],
            fix="It may have been cut short in a copy: compare sizes, or export it again.",
        ) from error


def check_calls(path: Path, pickled: bytes) -> None:
    """Refuse a pickle that names anything but what tensors are made of; raises UnsafeFileError."""
    try:
        for code, argument, _ in pickletools.genops(pickled):
            if code.name in ("STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "INST") or (
                code.name == "GLOBAL" and not _known(str(argument).replace(" ", "."))
            ):
                raise UnsafeFileError(
                    f"{path} is a pickle of more than tensors; nothing in it is run.",
                    seen=str(argument or code.name)[:80],
                    fix="Where you trust it, load it there and save its tensors alone, with torch.save or safetensors.",
                )
    except (ValueError, IndexError, OverflowError, UnicodeDecodeError) as error:
        raise VectorError(f"{path} is damaged.", seen=str(error)[:160], fix="It may have been cut short.") from error


def _known(name: str) -> bool:
    kind = name.removeprefix("torch.")
    return name in _ALLOWED or (name.startswith("torch.") and "." not in kind and (
        kind.endswith("Storage") or kind.startswith(("float", "bfloat", "int", "uint", "bool"))
    ))  # fmt: skip
