"""Tensors in files that say nothing more: ``.pt``, ``.npy``, ``.npz``, ``.safetensors``."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, ClassVar, final

from steerstack.contracts import VectorFormat
from steerstack.errors import VectorError
from steerstack_plugins.formats.common.conversion import block_outputs, imported
from steerstack_plugins.formats.common.layers import KNOWN, counted, place
from steerstack_plugins.formats.common.safe_read import read_numpy, read_safetensors, read_torch

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from steerstack.steering.site import Component
    from steerstack.steering.vector import SteeringVector

_WITHIN = re.compile(r"(?:^|\.)\d+\.")
"""Names of something within a numbered block: ``model.layers.5.self_attn.q_proj``."""

SUFFIXES = (".pt", ".pth", ".npy", ".npz", ".safetensors")


@final
class PlainTensors(VectorFormat):
    """A tensor [d_model], for the layer given; [layer, d_model], a row a block; or tensors by layer.

    Taken to be added to the output of the 0-based block, as they are: hotwire and hidden-directions keep
    such files. Rows of zeros stand for blocks without a direction. A table with one row more than the model
    has blocks begins with the embedding, which is left out; where the depth is not known, ``offset=-1`` reads it.
    In dicts, ``.npz`` and safetensors the names are those of layers (``3``, ``layer_3``, ``blocks.3.v``) or of
    sublayers (``model.layers.3.mlp``, then at ``mlp_out``); a single tensor may have any name, with its
    layer in an entry ``layer``. Layers below 0 count from the end where the model's depth is known. Written are dicts
    by layer, or, as ``.npy``, rows from block 0 on. Arrays of objects are pickles, and refused.
    """

    name = "plain"
    convention = "Row or name L is added to the output of 0-based block L, as it is; [d_model] at the layer given."
    generic: ClassVar[bool] = True

    def recognises(self, path: Path) -> bool:
        """Whether it is named like a file of tensors and begins like one; reading it says what is amiss with them."""
        if path.suffix not in SUFFIXES or not path.is_file():
            return False
        with path.open("rb") as file:
            start = file.read(9)
        return start.startswith((b"PK", b"\x80\x02", b"\x93NUMPY")) or start[8:] == b"{"

    def read(self, path: Path, *, layer: int | None = None) -> SteeringVector:
        """All layers that have a direction."""
        component, rows, whole, about = _directions(path, self.n_layers)
        if whole is not None and whole.ndim == 1:
            if layer is None:
                raise VectorError(
                    f"{path} is one direction and does not say its layer.",
                    seen=f"shape {tuple(whole.shape)}",
                    fix="Give it with --layer: the 0-based block after whose output it is added.",
                )
            rows = {layer: whole}
        elif whole is not None:
            rows, about = self._table(path, whole, about)
        directions = {number: row for number, row in rows.items() if bool(row.any())}
        if rows and not directions:
            raise VectorError(
                f"{path} holds nothing but zeros.",
                seen=f"layers {', '.join(map(str, sorted(rows)))[:80]}",
                fix="Export the vector again: a direction of zeros changes nothing.",
            )
        return imported(
            self.name, path, directions, n_layers=self.n_layers, component=component, rows=about.pop("rows", None),
            said=about,
        )  # fmt: skip

    def _table(self, path: Path, rows: Tensor, about: dict[str, Any]) -> tuple[dict[int, Tensor], dict[str, object]]:
        """The rows of a table by layer, and how they were counted."""
        depth = self.n_layers
        if depth is not None and len(rows) not in (depth, depth + 1):
            raise VectorError(
                f"{path} is not a table of the model's layers.",
                seen=f"{len(rows)} rows, {depth} blocks",
                fix="Wanted: a row a block, or one more with the embedding first.",
            )
        if depth is not None and len(rows) == depth + 1:
            note = "row 0 is the embedding, as in hidden_states, and is left out; row L + 1 is the output of block L"
            return dict(enumerate(rows[1:])), {**about, "rows": note}
        note = "row L is taken for the output of block L"
        if depth is None:
            note += (
                f"; where the model has {len(rows) - 1} blocks, row 0 is the embedding, as in hidden_states: "
                "then name the model, or read it with an offset of -1"
            )
        return dict(enumerate(rows)), {**about, "rows": note}

    def write(self, vector: SteeringVector, path: Path) -> None:
        """Write by the suffix of the file."""
        import numpy
        import torch
        from safetensors.torch import save

        from steerstack.util.files import write_atomically

        directions = block_outputs(vector, self.name)
        buffer = io.BytesIO()
        if path.suffix == ".npy":
            rows = torch.zeros(max(directions) + 1, vector.d_model)
            rows[list(directions)] = torch.stack(list(directions.values()))
            numpy.save(buffer, rows.numpy(), allow_pickle=False)
        elif path.suffix == ".safetensors":
            buffer.write(save({f"layer_{layer}": direction for layer, direction in directions.items()}))
        elif path.suffix in (".pt", ".pth"):
            torch.save(directions, buffer)
        else:
            raise VectorError(f"{path.name} has no known suffix.", fix="Known: .pt, .pth, .npy, .safetensors.")
        write_atomically(path, buffer.getvalue())


def _directions(
    path: Path, n_layers: int | None
) -> tuple[Component, dict[int, Tensor], Tensor | None, dict[str, object]]:
    """Component and directions by layer, or the one tensor of a file that names no layer; and what else it says."""
    import torch

    content: Any = _content(path)
    about: dict[str, Any] = {}
    if isinstance(content, dict):
        content = _opened(content)
        tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor) and value.ndim}
        about = {name: _plain(value) for name, value in content.items() if name not in tensors}
        places = {name: place(name) for name in tensors}
        if len(tensors) == 1 and not any(places.values()) and not any(map(_names_a_place, tensors)):
            (tensor,) = tensors.values()
            layer = about.pop("layer", about.pop("layer_idx", None)) if tensor.ndim == 1 or len(tensor) == 1 else None
            if layer is None:
                content = tensor
            elif isinstance(layer, int) and not isinstance(layer, bool):
                return "resid_post", counted(path, [("layer", layer, _row(path, layer, tensor))], n_layers), None, about
            else:
                raise VectorError(f"{path} names a layer that is none.", seen=f"{layer!r:.40}", fix="Write its number.")
        else:
            return *_by_name(path, tensors, places, n_layers), None, about
    if not isinstance(content, torch.Tensor) or not content.is_floating_point() or content.ndim not in (1, 2):
        raise _unplaced(
            path, str(tuple(content.shape)) if isinstance(content, torch.Tensor) else type(content).__name__
        )
    return "resid_post", {}, content, about


def _opened(found: dict[Any, Any]) -> dict[Any, Any]:
    """A dict of tensors by layer that lies in another one, beside what is said of it, as one dict."""
    import torch

    inner = {name: value for name, value in found.items() if isinstance(value, dict)}
    if len(inner) != 1 or any(isinstance(value, torch.Tensor) and value.ndim for value in found.values()):
        return found
    ((name, tensors),) = inner.items()
    if not tensors or any(place(key) is None or not isinstance(value, torch.Tensor) for key, value in tensors.items()):
        return found
    return {**{key: value for key, value in found.items() if key != name}, **tensors}


def _names_a_place(name: object) -> bool:
    """Whether a name tells of some place in a model, though not in words that are known."""
    return not isinstance(name, str) or _WITHIN.search(name) is not None


def _by_name(
    path: Path, tensors: dict[Any, Tensor], places: dict[Any, tuple[Component, int] | None], n_layers: int | None
) -> tuple[Component, dict[int, Tensor]]:
    """Directions whose names hold their layers."""
    unknown = [str(name) for name, at in places.items() if at is None]
    if unknown or not tensors:
        raise _unplaced(path, f"names {', '.join(unknown)[:80]}" if unknown else "no tensors")
    sites = {name: at for name, at in places.items() if at is not None}
    components = {component for component, _ in sites.values()}
    if len(components) > 1:
        raise VectorError(
            f"{path} holds directions at several components.",
            seen=", ".join(sorted(components)),
            fix="Keep those of one component in a file of their own.",
        )
    rows = [(name, at[1], _row(path, name, tensors[name])) for name, at in sites.items()]
    return components.pop(), counted(path, rows, n_layers)


def _row(path: Path, name: object, tensor: Tensor) -> Tensor:
    """A direction [d_model], also from [1, d_model]."""
    row = tensor[0] if tensor.ndim == 2 and len(tensor) == 1 else tensor
    if row.ndim != 1 or not row.is_floating_point():
        raise _unplaced(path, f"{name!s:.40}: {tuple(tensor.shape)}, {tensor.dtype}")
    return row


def _unplaced(path: Path, seen: str) -> VectorError:
    return VectorError(
        f"{path} is not directions by layer.",
        seen=seen,
        fix="Wanted: [d_model], [layer, d_model], one of these with an entry 'layer', or one tensor a layer under a "
        f"name such as {KNOWN}.",
    )


def _content(path: Path) -> Any:
    """A tensor, or a dict of them."""
    if path.suffix in (".npy", ".npz"):
        arrays = read_numpy(path)
        return arrays[""] if set(arrays) == {""} else {_counted(name): array for name, array in arrays.items()}
    return read_safetensors(path)[0] if path.suffix == ".safetensors" else read_torch(path)


def _counted(name: str) -> str:
    """The name of an array of a ``.npz`` archive; those that numpy counts itself name no layer."""
    return f"array {name[4:]}" if name.startswith("arr_") else name


def _plain(value: Any) -> Any:
    """Something that a file says beside its tensors, where it is short enough to be kept."""
    number = getattr(value, "item", lambda: value)()
    return number if isinstance(number, bool | int | float | str) and len(str(number)) < 200 else None
