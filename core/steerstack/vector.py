"""Steering vectors: one direction per layer, with their origin, as safetensors files."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor

from steerstack import digest
from steerstack.errors import SiteError, UnsafeFileError, VectorError
from steerstack.files import write_atomically
from steerstack.intervention import check_direction
from steerstack.site import COMPONENTS, Component, Site

FORMAT_VERSION = 1
HEADER_KEY = "steerstack"
_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True)
class Origin:
    """Where a vector comes from: all that is needed to make it again, or to distrust it.

    Attributes
    ----------
    method, parameters:
        The extractor's name and its parameters.
    position:
        Which tokens were averaged.
    model_name, model_fingerprint:
        The model whose activations were read.
    data_digest, n_pairs, behavior:
        The training pairs.
    basis:
        ``hf-raw``: the basis of the unmodified Hugging Face model.
    """

    method: str = "unknown"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    position: str = "unknown"
    model_name: str = "unknown"
    model_fingerprint: str = "unknown"
    data_digest: str = "unknown"
    n_pairs: int = 0
    behavior: str = "unknown"
    basis: str = "hf-raw"


@dataclass(frozen=True, eq=False)
class SteeringVector:
    """One direction per layer, un-normalised, at one component of the model.

    Parameters
    ----------
    directions:
        0-based layer to a float32 tensor of shape [d_model].
    component:
        The component whose activations were read, and where it is to be added.
    origin:
        Where it comes from.

    Raises
    ------
    VectorError
        No layers, or widths that differ.
    DegenerateDirectionError
        A direction that is NaN, infinite or zero.
    """

    directions: Mapping[int, Float[Tensor, " d_model"]]
    component: Component = "resid_post"
    origin: Origin = field(default_factory=Origin)

    def __post_init__(self) -> None:
        if not self.directions:
            raise VectorError("The vector has no layers.", fix="Give a direction for at least one layer.")
        widths = {tuple(direction.shape) for direction in self.directions.values()}
        if len(widths) > 1 or len(next(iter(widths))) != 1:
            raise VectorError("The layers of a vector must all be of one width.", seen=f"shapes {sorted(widths)}")
        if min(self.directions) < 0:
            raise SiteError(f"Layer {min(self.directions)} is negative.", fix="Layers count from 0, the first block.")
        for layer, direction in self.directions.items():
            check_direction(direction, f"direction at layer {layer}")

    @property
    def layers(self) -> tuple[int, ...]:
        """The 0-based layers it has, in order."""
        return tuple(sorted(self.directions))

    @property
    def d_model(self) -> int:
        """Its width."""
        return int(next(iter(self.directions.values())).shape[0])

    @cached_property
    def norms(self) -> dict[int, float]:
        """Euclidean norm at each layer, in units of the activations."""
        return {layer: float(self.directions[layer].norm()) for layer in self.layers}

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the directions and the component (not of the origin)."""
        tensors = ((f"layer.{layer}", self.directions[layer].float()) for layer in self.layers)
        return digest.of_json([self.component, digest.of_tensors(tensors)])

    def __getitem__(self, layer: int) -> Float[Tensor, " d_model"]:
        if layer not in self.directions:
            raise SiteError(
                f"The vector has no layer {layer}.", seen=f"layers {_ranges(self.layers)}", fix="Choose one of those."
            )
        return self.directions[layer]

    def site(self, layer: int) -> Site:
        """The site of one of its layers."""
        return Site(self.component, layer)

    def _with(self, directions: Mapping[int, Tensor], **changes: Any) -> "SteeringVector":
        return replace(self, directions=directions, **changes)

    def __mul__(self, factor: float) -> "SteeringVector":
        return self._with({layer: d * factor for layer, d in self.directions.items()})

    __rmul__ = __mul__

    def __neg__(self) -> "SteeringVector":
        return self * -1.0

    def __add__(self, other: "SteeringVector") -> "SteeringVector":
        mine, theirs = ((v.component, v.layers, v.d_model) for v in (self, other))
        if mine != theirs:
            raise VectorError(
                "Only vectors at the same component and layers, and of one width, can be added.",
                seen=" and ".join(f"{c} {_ranges(layers)}, width {width}" for c, layers, width in (mine, theirs)),
            )
        origin = Origin(method="sum", parameters={"of": [asdict(self.origin), asdict(other.origin)]})
        return self._with({layer: self[layer] + other[layer] for layer in self.layers}, origin=origin)

    def __sub__(self, other: "SteeringVector") -> "SteeringVector":
        return self + (-other)

    def header(self) -> dict[str, Any]:
        """What the file's metadata key ``steerstack`` holds."""
        norms = {str(layer): norm for layer, norm in self.norms.items()}
        return {"format_version": FORMAT_VERSION, "site": self.component, "norms": norms, **asdict(self.origin)}

    def save(self, path: Path | str) -> None:
        """Write a safetensors file with one float32 tensor ``layer.<L>`` for each layer.

        The file appears whole or not at all.
        """
        tensors = {f"layer.{layer}": self[layer].detach().cpu().float().contiguous() for layer in self.layers}
        metadata = {HEADER_KEY: json.dumps(self.header(), sort_keys=True)}
        write_atomically(Path(path), to_bytes(tensors, metadata=metadata))

    @classmethod
    def load(cls, path: Path | str) -> "SteeringVector":
        """Read a vector file.

        Raises
        ------
        VectorError
            The file is missing, cut short, or not a vector.
        UnsafeFileError
            The file is a pickle.
        """
        path = Path(path)
        if not path.is_file():
            raise VectorError(
                f"There is no vector file {path}.", fix="Check the path; `steerstack extract` writes one."
            )
        with path.open("rb") as handle:
            start = handle.read(9)
        # safetensors begin with the length of a JSON header, whose own bytes may look like anything
        if start[8:] != b"{" and start.startswith(_PICKLE_STARTS):
            raise UnsafeFileError(
                f"{path} is a pickle, whatever its name says; it is not opened.",
                seen=f"first bytes {start[:4]!r}",
                fix="Pickles can run code. Convert it where you trust it, and save it as safetensors.",
            )
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
        return cls(_directions(path, tensors), *_parse_header(path, metadata))


def _directions(path: Path, tensors: Mapping[str, Tensor]) -> dict[int, Tensor]:
    if not tensors or not all(re.fullmatch(r"layer\.(0|[1-9][0-9]*)", name) for name in tensors):
        raise VectorError(
            f"{path} is not a steering vector.",
            seen=f"tensors {', '.join(sorted(tensors)[:5]) or 'none'}",
            fix="A vector file holds tensors named layer.0, layer.1, ... of shape [d_model].",
        )
    return {int(name[6:]): tensor.float() for name, tensor in tensors.items()}


def _parse_header(path: Path, metadata: Mapping[str, str]) -> tuple[Component, Origin]:
    try:
        header = json.loads(metadata.get(HEADER_KEY, "{}"))
        version = header.get("format_version", FORMAT_VERSION)
        component = header.get("site", "resid_post")
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
    known = {name: header[name] for name in Origin.__dataclass_fields__ if name in header}
    return component, Origin(**known)


def _ranges(layers: Iterable[int]) -> str:
    ordered = sorted(layers)
    return f"{ordered[0]} to {ordered[-1]}" if len(ordered) > 1 else ", ".join(map(str, ordered))


def random_like(vector: SteeringVector, seed: int) -> SteeringVector:
    """A Gaussian random direction at every layer, with the norm of the given one (a null)."""
    generator = torch.Generator().manual_seed(seed)
    directions = {}
    for layer in vector.layers:
        noise = torch.randn(vector.d_model, generator=generator)
        directions[layer] = noise * (vector.norms[layer] / float(noise.norm()))
    origin = replace(vector.origin, method="random", parameters={"seed": seed, "norms_of": vector.fingerprint})
    return SteeringVector(directions, vector.component, origin)


def cosine(a: Float[Tensor, " d_model"], b: Float[Tensor, " d_model"]) -> float:
    """Cosine of the angle between two directions."""
    value = float(torch.nn.functional.cosine_similarity(a.float(), b.float(), dim=0))
    return math.nan if value != value else value
