"""Vector files: safetensors with a JSON header, and nothing that could run code."""

from __future__ import annotations

import base64
import json
import os
import re
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from steerstack.errors import UnsafeFileError, VectorError, first_line
from steerstack.steering.site import COMPONENTS
from steerstack.util import digest
from steerstack.util.files import write_atomically
from steerstack.util.guard import check_regular, load_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from steerstack.steering.vector import SteeringVector

    Parts = dict[str, dict[int, Tensor]]

FORMAT_VERSION = 1
HEADER_KEY = "steerstack"
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_NAME = re.compile(r"([a-z][a-z_]*)\.(0|[1-9][0-9]{0,3})")


def header(vector: SteeringVector) -> dict[str, object]:
    """What the metadata key ``steerstack`` holds."""
    acts = {} if vector.edit == "add" else {"edit": vector.edit}
    norms = {str(layer): norm for layer, norm in vector.norms.items()}
    origin = {name: value for name, value in asdict(vector.origin).items() if value or name != "reads"}
    return {
        "format_version": FORMAT_VERSION, "site": vector.component, "norms": norms, "digest": _digest(_tensors(vector)),
        **acts, **origin,
    }  # fmt: skip


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes and bits of a file's tensors."""
    return digest.of_tensors(sorted(tensors.items()))


def write(vector: SteeringVector, path: Path) -> None:
    """Write ``layer.<L>`` for each layer, and ``<part>.<L>`` for each further part; whole or not at all."""
    metadata = {HEADER_KEY: json.dumps(header(vector), sort_keys=True)}
    write_atomically(path, to_bytes(_tensors(vector), metadata=metadata))


def _tensors(vector: SteeringVector) -> dict[str, Tensor]:
    named = {f"layer.{layer}": vector[layer] for layer in vector.layers}
    named |= {f"{part}.{layer}": tensor for part, of in vector.parts.items() for layer, tensor in of.items()}
    return {name: own_float32(tensor) for name, tensor in named.items()}


def own_float32(tensor: Tensor) -> Tensor:
    """Of a tensor's shape, on the CPU, in memory of its own: a file takes no two tensors that share some."""
    return tensor.detach().cpu().float().contiguous().clone()


def to_json(vector: SteeringVector) -> dict[str, object]:
    """The vector as a JSON value, for a ledger: its header, and the tensors as base64 of safetensors."""
    return {"header": header(vector), "tensors": base64.b64encode(to_bytes(_tensors(vector))).decode()}


def parts_of_json(value: Mapping[str, Any], shown: str) -> tuple[Parts, dict[str, object]]:
    """Parts and header of a value of :func:`to_json`; ``shown`` is where it stands, for errors."""
    try:
        tensors, about = from_bytes(base64.b64decode(value["tensors"], validate=True)), dict(value["header"])
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise VectorError(
            f"The vector in {shown} is damaged.", seen=first_line(error), fix="Extract it again."
        ) from error
    return _checked(shown, tensors, _parse_header(shown, about))


def read(path: Path) -> tuple[Parts, dict[str, object]]:
    """Parts and header of a vector file; raises VectorError, or UnsafeFileError for a pickle."""
    if not os.path.exists(path) or path.is_dir():
        raise VectorError(f"There is no vector file {path}.", fix="Check the path; `steerstack extract` writes one.")
    tensors, metadata = read_safetensors(path)
    try:
        about = load_json(metadata.get(HEADER_KEY, "{}"))
        json.dumps(about, ensure_ascii=False).encode()  # half a character can be neither printed nor written
    except ValueError as error:
        raise VectorError(
            f"The header of {path} is not JSON that can be read.", seen=first_line(error)[:200], fix="Extract it again."
        ) from error
    return _checked(str(path), tensors, _parse_header(str(path), about))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of any safetensors file; raises VectorError, or UnsafeFileError for a pickle."""
    try:
        check_regular(path)
        refuse_pickle(path)
        with safe_open(str(path), framework="pt") as archive:
            metadata = archive.metadata() or {}
            return {name: archive.get_tensor(name) for name in archive.keys()}, metadata  # noqa: SIM118
    except VectorError:
        raise
    except Exception as error:  # which errors come of a damaged header is the library's secret
        raise VectorError(
            f"{path} cannot be read as safetensors.",
            seen=f"{path.stat().st_size if path.is_file() else 0} bytes; {first_line(error)[:200]}",
            fix="It may have been cut short in a copy: compare sizes, or write it again.",
        ) from error


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
            fix="Pickles can run code. `steerstack vectors import` reads files that hold nothing but "
            "tensors; convert any other where you trust it, and save it as safetensors.",
        )


def _checked(shown: str, tensors: Mapping[str, Tensor], about: dict[str, Any]) -> tuple[Parts, dict[str, object]]:
    """Parts and header, whose digest and norms agree with the bits; files of before there were digests have none."""
    parts = _parts(shown, tensors)
    recorded = about.get("digest")
    if recorded is not None and recorded != _digest({name: tensor.float() for name, tensor in tensors.items()}):
        raise _changed(shown, "other bits than the digest in the header is of")
    norms = about.get("norms")
    if norms is None:
        return parts, about
    lengths = {str(layer): float(direction.norm()) for layer, direction in parts["layer"].items()}
    if not isinstance(norms, dict) or set(norms) != set(lengths):
        layers = ", ".join(norms) if isinstance(norms, dict) else type(norms).__name__
        raise _changed(shown, f"norms of layers {layers[:60]}; tensors of {', '.join(lengths)[:60]}")
    for layer, norm in lengths.items():
        # vectors of before there were digests had norms as rounded as the model's activations
        close = 1e-4 if recorded is not None else 0.02
        # compared and not subtracted: an integer of 400 digits becomes no float
        if not (isinstance(norms[layer], int | float) and (1 - close) * norm <= norms[layer] <= (1 + close) * norm):
            raise _changed(shown, f"norm {norm:.6g} at layer {layer}, {str(norms[layer])[:20]} in the header")
    return parts, about


def _changed(shown: str, seen: str) -> VectorError:
    return VectorError(
        f"The tensors of {shown} are not those that its header describes.",
        seen=seen,
        fix="It was changed or damaged after it was written: fetch it again, or extract it again.",
    )


def _parts(shown: str, tensors: Mapping[str, Tensor]) -> Parts:
    """Tensors by part and layer; ``layer`` holds the directions."""
    import torch

    parts: dict[str, dict[int, Tensor]] = defaultdict(dict)
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if tensor.dtype not in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
            raise VectorError(f"{shown} holds no numbers to add.", seen=f"{name}: {tensor.dtype}")
        if match:
            parts[match[1]][int(match[2])] = tensor.float()
    if "layer" not in parts or sum(map(len, parts.values())) != len(tensors):
        raise VectorError(
            f"{shown} is not a steering vector.",
            seen=f"tensors {', '.join(sorted(tensors)[:5]) or 'none'}",
            fix="A vector file holds tensors named layer.0, layer.1, ... of shape [d_model].",
        )
    return dict(parts)


def _parse_header(shown: str, about: Any) -> dict[str, object]:
    """The header, if it says what a header may say."""
    if not isinstance(about, dict):
        raise VectorError(
            f"The header of {shown} is not JSON of a vector.", seen=type(about).__name__, fix="Extract it again."
        )
    version = about.get("format_version", FORMAT_VERSION)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise VectorError(
            f"{shown} was written by a newer steerstack.",
            seen=f"format version {version!r:.20}, this one reads {FORMAT_VERSION}",
            fix="Upgrade: pip install -U steerstack.",
        )
    component = about.get("site", "resid_post")
    if component not in COMPONENTS:
        raise VectorError(
            f"{shown} names an unknown site.", seen=f"{component!r:.60}", fix=f"Known: {', '.join(COMPONENTS)}."
        )
    kinds = {"n_pairs": int, "parameters": dict, "found": dict}
    for name in ("method", "position", "model_name", "model_fingerprint", "data_digest", "behavior", "basis", "edit"):
        kinds[name] = str
    for name, kind in kinds.items():
        if not isinstance(about.get(name, kind()), kind):
            raise VectorError(
                f"The header of {shown} is damaged.",
                seen=f"{name} is {about[name]!r:.60}",
                fix=f"Wanted: {kind.__name__}; extract it again.",
            )
    return dict(about)
