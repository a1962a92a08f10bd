"""Vector files: safetensors with a JSON header, and nothing that could run code."""

from __future__ import annotations

import base64
import json
import re
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from steerstack.errors import UnsafeFileError, VectorError
from steerstack.steering.site import COMPONENTS
from steerstack.util.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from steerstack.steering.vector import SteeringVector

    Parts = dict[str, dict[int, Tensor]]

FORMAT_VERSION = 1
HEADER_KEY = "steerstack"
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_NAME = re.compile(r"([a-z][a-z_]*)\.(0|[1-9][0-9]*)")


def header(vector: SteeringVector) -> dict[str, Any]:
    """What the metadata key ``steerstack`` holds."""
    acts = {} if vector.edit == "add" else {"edit": vector.edit}
    norms = {str(layer): norm for layer, norm in vector.norms.items()}
    return {
        "format_version": FORMAT_VERSION, "site": vector.component, "norms": norms, **acts, **asdict(vector.origin)
    }  # fmt: skip


def write(vector: SteeringVector, path: Path) -> None:
    """Write ``layer.<L>`` for each layer, and ``<part>.<L>`` for each further part; whole or not at all."""
    metadata = {HEADER_KEY: json.dumps(header(vector), sort_keys=True)}
    write_atomically(path, to_bytes(_tensors(vector), metadata=metadata))


def _tensors(vector: SteeringVector) -> dict[str, Tensor]:
    named = {f"layer.{layer}": vector[layer] for layer in vector.layers}
    named |= {f"{part}.{layer}": tensor for part, of in vector.parts.items() for layer, tensor in of.items()}
    return {name: tensor.detach().cpu().float().contiguous() for name, tensor in named.items()}


def to_json(vector: SteeringVector) -> dict[str, Any]:
    """The vector as a JSON value, for a ledger: its header, and the tensors as base64 of safetensors."""
    return {"header": header(vector), "tensors": base64.b64encode(to_bytes(_tensors(vector))).decode()}


def parts_of_json(value: Mapping[str, Any], shown: str) -> tuple[Parts, dict[str, Any]]:
    """Parts and header of a value of :func:`to_json`; ``shown`` is where it stands, for errors."""
    return _parts(shown, from_bytes(base64.b64decode(value["tensors"]))), dict(value["header"])


def read(path: Path) -> tuple[Parts, dict[str, Any]]:
    """Parts and header of a vector file; raises VectorError, or UnsafeFileError for a pickle."""
    if not path.is_file():
        raise VectorError(f"There is no vector file {path}.", fix="Check the path; `steerstack extract` writes one.")
    refuse_pickle(path)
    try:
        with safe_open(path, framework="pt") as archive:
            metadata = archive.metadata() or {}
            tensors = {name: archive.get_tensor(name) for name in archive.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise VectorError(
            f"{path} cannot be read as safetensors.",
            seen=f"{path.stat().st_size} bytes; {error}",
            fix="It may have been cut short in a copy: compare sizes, or extract it again.",
        ) from error
    return _parts(str(path), tensors), _parse_header(path, metadata)


def refuse_pickle(path: Path) -> None:
    """Refuse a file that begins like a pickle.

    Raises
    ------
    UnsafeFileError
        It does.
    """
    with path.open("rb") as handle:
        start = handle.read(9)
    # safetensors begin with the length of a JSON header, whose own bytes may look like anything
    if start[8:] != b"{" and start.startswith(_PICKLE_STARTS):
        raise UnsafeFileError(
            f"{path} is a pickle, whatever its name says; it is not opened.",
            seen=f"first bytes {start[:4]!r}",
            fix="Pickles can run code. Convert it where you trust it, and save it as safetensors.",
        )


def _parts(shown: str, tensors: Mapping[str, Tensor]) -> Parts:
    """Tensors by part and layer; ``layer`` holds the directions."""
    found: dict[str, dict[int, Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        matched = _NAME.fullmatch(name)
        if matched:
            found[matched[1]][int(matched[2])] = tensor.float()
    if "layer" not in found or sum(map(len, found.values())) != len(tensors):
        raise VectorError(
            f"{shown} is not a steering vector.",
            seen=f"tensors {', '.join(sorted(tensors)[:5]) or 'none'}",
            fix="A vector file holds tensors named layer.0, layer.1, ... of shape [d_model].",
        )
    return dict(found)


def _parse_header(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        about = json.loads(metadata.get(HEADER_KEY, "{}"))
        version = about.get("format_version", FORMAT_VERSION)
        component = about.get("site", "resid_post")
    except (json.JSONDecodeError, AttributeError) as error:
        raise VectorError(f"The header of {path} is not JSON.", seen=str(error), fix="Extract it again.") from error
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise VectorError(
            f"{path} was written by a newer steerstack.",
            seen=f"format version {version}, this one reads {FORMAT_VERSION}",
            fix="Upgrade: pip install -U steerstack.",
        )
    if component not in COMPONENTS:
        raise VectorError(f"{path} names an unknown site.", seen=str(component), fix=f"Known: {', '.join(COMPONENTS)}.")
    return dict(about)
