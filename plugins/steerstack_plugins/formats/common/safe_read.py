"""Opening files of other tools without running anything in them."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from steerstack.errors import UnsafeFileError, VectorError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

CUT_SHORT = "It may have been cut short in a copy: compare sizes, or export it again."


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; raises VectorError, or UnsafeFileError for a pickle."""
    from safetensors import SafetensorError, safe_open

    from steerstack.steering.vector_file import refuse_pickle

    refuse_pickle(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise VectorError(f"{path} cannot be read as safetensors.", seen=str(error), fix=CUT_SHORT) from error


def read_torch(path: Path) -> Any:
    """What ``torch.save`` wrote, if it is tensors, numbers, strings, and lists and dicts of them.

    Read with ``weights_only=True``: nothing in the file runs.

    Raises
    ------
    UnsafeFileError
        It holds other objects, or is a pickle that torch did not write.
    VectorError
        It was not written by ``torch.save``.
    """
    from pickle import UnpicklingError

    import torch

    start = path.read_bytes()[:4]
    if start[:2] not in (b"PK", b"\x80\x02"):
        kind = UnsafeFileError if start[:1] == b"\x80" else VectorError
        raise kind(f"{path} was not written by torch.save.", seen=f"first bytes {start!r}", fix=CUT_SHORT)
    try:
        with path.open("rb") as file, warnings.catch_warnings():  # a name ending otherwise changes what torch does
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except (
        UnpicklingError,
        EOFError,
        RuntimeError,
        ValueError,
        KeyError,
        AttributeError,
        ModuleNotFoundError,
    ) as error:
        raise UnsafeFileError(
            f"{path} is a damaged archive, or a pickle of more than tensors; nothing in it is run.",
            seen=" ".join(str(error).split())[:160] or type(error).__name__,
            fix="Where you trust it, load it there and save its tensors alone, with torch.save or safetensors.",
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; raises VectorError, or UnsafeFileError for a pickle."""
    from steerstack.steering.vector_file import refuse_pickle

    refuse_pickle(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise VectorError(f"{path} is not JSON.", seen=str(error), fix=CUT_SHORT) from error
    if not isinstance(found, dict):
        raise VectorError(f"{path} is not a JSON object.", seen=type(found).__name__, fix=CUT_SHORT)
    return found


def succeeds(read: Callable[[], object]) -> bool:
    """Whether something can be read, and is not empty."""
    try:
        return bool(read())
    except (VectorError, OSError):
        return False
