"""Between files of other tools and vectors: what a file held, and what a format can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steerstack.errors import VectorError
from steerstack.util.guard import read_json
from steerstack_plugins.formats.common.layers import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector


def imported(
    format: str,
    path: Path,
    directions: Mapping[int, Tensor],
    *,
    n_layers: int | None = None,
    component: Component = "resid_post",
    edit: str = "add",
    parts: Mapping[str, Mapping[int, Tensor]] | None = None,
    model_name: object = None,
    basis: str = "hf-raw",
    **found: Any,
) -> SteeringVector:
    """The vector that a file holds, with the file in its origin, and what else the file says in ``found``.

    Layers below 0 count from the end where the model's number of blocks is known. A name of the model that is no text
    is none.

    Raises
    ------
    VectorError
        A direction is no tensor [d_model], or a layer cannot be.
    """
    from steerstack.steering.vector import Origin, SteeringVector

    for layer, direction in directions.items():
        check_direction(path, layer, direction)
    directions = counted(path, ((layer, layer, direction) for layer, direction in directions.items()), n_layers)

    facts = {key: value for key, value in found.items() if value not in (None, "", {}, [])}
    record = {"format": format, "file": path.name}
    name = model_name if isinstance(model_name, str) and model_name else "unknown"
    origin = Origin(method="imported", parameters=record, model_name=name, basis=basis, found=facts)
    floats = {layer: direction.detach().float().clone() for layer, direction in directions.items()}
    return SteeringVector(floats, component, origin, edit, dict(parts or {}))


def check_direction(path: Path, layer: object, direction: object) -> None:
    """Refuse what is no direction: one row of numbers; raises VectorError."""
    import torch

    if not (isinstance(direction, torch.Tensor) and direction.is_floating_point() and direction.ndim == 1):
        raise VectorError(
            f"{path} holds no direction [d_model] for layer {layer!s:.20}.",
            seen=str(tuple(direction.shape)) if isinstance(direction, torch.Tensor) else type(direction).__name__,
            fix="Wanted: one row of floating-point numbers a layer.",
        )


def strength(path: Path, value: object, what: str) -> float:
    """A coefficient that a file gives; raises VectorError where it is no finite number."""
    import math

    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise VectorError(f"The {what} of {path} is no number.", seen=f"{value!r:.40}", fix="Write a finite number.")
    return float(value)


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
    from steerstack.steering.vector_file import own_float32

    check_addition(vector, format)
    shift = {"resid_post": 0, "resid_pre": -1}.get(vector.component)
    if shift is None or vector.layers[0] + shift < 0:
        raise VectorError(
            f"{format} files hold directions at the outputs of blocks.",
            seen=f"a vector at {vector.component}, layers from {vector.layers[0]}",
            fix="Extract it at resid_post.",
        )
    return {layer + shift: own_float32(vector[layer]) for layer in vector.layers}


def one_layer(directions: Mapping[int, Tensor], format: str) -> tuple[int, Tensor]:
    """The only layer and its direction; raises VectorError where there are several."""
    if len(directions) != 1:
        raise VectorError(
            f"{format} files hold one layer.",
            seen=f"layers {', '.join(map(str, sorted(directions)))}",
            fix="Choose one with --layers N.",
        )
    return next(iter(directions.items()))


def config(vector: SteeringVector) -> dict[str, object]:
    """The config of the model that a vector was made for: as recorded, or from the model's folder; else empty."""
    from pathlib import Path

    content = vector.origin.found.get("config")
    file = Path(vector.origin.model_name) / "config.json"
    if not content and file.is_file():
        content = read_json(file, VectorError, fix="Mend the model's folder.")
    return dict(content or {})


def model_type(vector: SteeringVector) -> str | None:
    """``config.model_type`` of the model that a vector was made for, where it is known."""
    name = vector.origin.found.get("model_type") or config(vector).get("model_type")
    return str(name) if name else None
