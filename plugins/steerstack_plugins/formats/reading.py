"""What the formats share: opening files without running anything, and checks before writing."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

from steerstack.errors import UnsafeFileError, VectorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor

    from steerstack.site import Component
    from steerstack.vector import SteeringVector

CUT_SHORT = "It may have been cut short in a copy: compare sizes, or export it again."


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; raises VectorError, or UnsafeFileError for a pickle."""
    from safetensors import SafetensorError, safe_open

    from steerstack.vector_file import refuse_pickle

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
    from steerstack.vector_file import refuse_pickle

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


def imported(
    format: str,
    path: Path,
    directions: Mapping[int, Tensor],
    *,
    component: Component = "resid_post",
    edit: str = "add",
    parts: Mapping[str, Mapping[int, Tensor]] | None = None,
    model_name: str | None = None,
    **found: Any,
) -> SteeringVector:
    """The vector that a file holds, with the file in its origin, and what else the file says in ``found``."""
    from steerstack.vector import Origin, SteeringVector

    said = {key: value for key, value in found.items() if value not in (None, "", {}, [])}
    record = {"format": format, "file": path.name}
    origin = Origin(method="imported", parameters=record, model_name=model_name or "unknown", found=said)
    floats = {layer: direction.detach().float().clone() for layer, direction in directions.items()}
    return SteeringVector(floats, component, origin, edit, dict(parts or {}))


def check_addition(vector: SteeringVector, format: str) -> None:
    """Refuse a vector that does not act by addition; raises VectorError."""
    if vector.edit != "add":
        raise VectorError(
            f"{format} files are added to activations; this vector acts by {vector.edit!r}.",
            fix="Save it as it is with format steerstack, or make a vector that is added.",
        )


def block_outputs(vector: SteeringVector, format: str) -> dict[int, Tensor]:
    """Directions by the 0-based block after which they are added, in float32.

    The input of block L is the output of block L - 1.

    Raises
    ------
    VectorError
        The vector is not added, or not to the residual stream after a block.
    """
    check_addition(vector, format)
    shift = {"resid_post": 0, "resid_pre": -1}.get(vector.component)
    if shift is None or vector.layers[0] + shift < 0:
        raise VectorError(
            f"{format} files hold directions at the outputs of blocks.",
            seen=f"a vector at {vector.component}, layers from {vector.layers[0]}",
            fix="Extract it at resid_post.",
        )
    return {layer + shift: vector[layer].detach().cpu().float().contiguous() for layer in vector.layers}


def one_layer(directions: Mapping[int, Tensor], format: str) -> tuple[int, Tensor]:
    """The only layer and its direction; raises VectorError where there are several."""
    if len(directions) != 1:
        raise VectorError(
            f"{format} files hold one layer.",
            seen=f"layers {', '.join(map(str, sorted(directions)))}",
            fix="Choose one with --layers N.",
        )
    return next(iter(directions.items()))


def config(vector: SteeringVector) -> dict[str, Any]:
    """The config of the model that a vector was made for: as recorded, or from the model's folder; else empty."""
    from pathlib import Path

    recorded = vector.origin.found.get("config")
    file = Path(vector.origin.model_name) / "config.json"
    if not recorded and file.is_file():
        recorded = json.loads(file.read_text(encoding="utf-8"))
    return dict(recorded or {})


def model_type(vector: SteeringVector) -> str | None:
    """``config.model_type`` of the model that a vector was made for, where it is known."""
    known = vector.origin.found.get("model_type") or config(vector).get("model_type")
    return str(known) if known else None
