"""Steering vectors: one direction per layer, with their origin, as safetensors files."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.errors import ArgumentError, SiteError, VectorError
from steerstack.steering import vector_display, vector_file
from steerstack.steering.intervention import Plan, check_direction, check_finite
from steerstack.steering.origin import Origin as Origin
from steerstack.steering.origin import scaled, summed
from steerstack.steering.site import LAST, Component, Site
from steerstack.util import digest
from steerstack.util.show import ranges


@dataclass(frozen=True, eq=False, repr=False)
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
    edit:
        Name of the edit by which it acts: ``add`` unless its method is about another.
    parts:
        Further tensors that the edit needs, by name and layer.

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
    edit: str = "add"
    parts: Mapping[str, Mapping[int, Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.directions:
            raise VectorError("The vector has no layers.", fix="Give a direction for at least one layer.")
        widths = {tuple(direction.shape) for direction in self.directions.values()}
        if len(widths) > 1 or len(next(iter(widths))) != 1:
            raise VectorError("The layers of a vector must all be of one width.", seen=f"shapes {sorted(widths)}")
        if min(self.directions) < 0:
            raise SiteError(f"Layer {min(self.directions)} is negative.", fix="Layers count from 0, the first block.")
        if max(self.directions) > LAST:
            raise SiteError(
                f"Layer {max(self.directions):.3g} is beyond any model.", fix=f"Layers go from 0 to {LAST} at most."
            )
        for layer, direction in self.directions.items():
            check_direction(direction, f"direction at layer {layer}")
        for name, of in self.parts.items():
            for layer, tensor in of.items():
                check_finite(tensor, f"{name} at layer {layer}")

    def __repr__(self) -> str:
        return vector_display.one_line(self)

    def _repr_html_(self) -> str:
        return vector_display.html(self)

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
        return {layer: float(self.directions[layer].float().norm()) for layer in self.layers}

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the directions, the component, and how it acts (not of the origin)."""
        tensors = ((f"layer.{layer}", self.directions[layer].float()) for layer in self.layers)
        content = [self.component, digest.of_tensors(tensors)]
        if self.edit != "add" or self.parts:
            named = sorted((f"{name}.{layer}", t.float()) for name, of in self.parts.items() for layer, t in of.items())
            content += [self.edit, digest.of_tensors(named)]
        return digest.of_json(content)

    def part(self, name: str, layer: int) -> Tensor:
        """One of the further tensors.

        Raises
        ------
        VectorError
            The vector has none of that name at the layer.
        """
        if layer not in self.parts.get(name, {}):
            raise VectorError(
                f"The vector has no {name} at layer {layer}.",
                seen=f"parts {', '.join(sorted(self.parts)) or 'none'}; method {self.origin.method}",
                fix="Use an edit that fits the vector's method, or extract it by a method that gives that part.",
            )
        return self.parts[name][layer]

    def __getitem__(self, layer: int) -> Float[Tensor, " d_model"]:
        if layer not in self.directions:
            raise SiteError(
                f"The vector has no layer {layer!r}.", seen=f"layers {ranges(self.layers)}", fix="Choose one of those."
            )
        return self.directions[layer]

    def site(self, layer: int) -> Site:
        """The site of one of its layers."""
        return Site(self.component, layer)

    def keeping(self, layers: Iterable[int]) -> "SteeringVector":
        """The same vector with only some of its layers; raises SiteError for one that it does not have."""
        numbers = sorted(set(layers))
        parts = {name: {at: of[at] for at in numbers if at in of} for name, of in self.parts.items()}
        return replace(
            self, directions={at: self[at] for at in numbers}, parts={name: of for name, of in parts.items() if of}
        )

    def only(self, layer: int) -> "SteeringVector":
        """The same vector with only one of its layers."""
        return self.keeping([layer])

    def __mul__(self, factor: float) -> "SteeringVector":
        """The vector times a finite number other than 0, which its origin tells."""
        if not isinstance(factor, Real):
            raise ArgumentError(f"A vector cannot be multiplied by a {type(factor).__name__}.", fix="Give a number.")
        self._check_plain()
        directions = {layer: d * float(factor) for layer, d in self.directions.items()}
        return replace(self, directions=directions, origin=scaled(self.origin, float(factor)))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "SteeringVector":
        return self * (1 / divisor if divisor else math.inf)

    def __neg__(self) -> "SteeringVector":
        return self * -1.0

    def _check_plain(self) -> None:
        if self.parts:
            raise VectorError(
                "Only vectors that are nothing but a direction can be scaled and added.",
                seen=f"method {self.origin.method}, with {', '.join(sorted(self.parts))}",
                fix="Scale the edit instead.",
            )

    def __add__(self, other: "SteeringVector") -> "SteeringVector":
        if not isinstance(other, SteeringVector):
            raise ArgumentError(
                f"A vector and a {type(other).__name__} cannot be added.",
                fix="Add two vectors; or make the vector a plan, vector.at(layer), and join plans by + or >>.",
            )
        self._check_plain()
        other._check_plain()
        mine, theirs = ((v.component, v.layers, v.d_model) for v in (self, other))
        if mine != theirs:
            raise VectorError(
                "Only vectors at the same component and layers, and of one width, can be added.",
                seen=" and ".join(f"{c} {ranges(layers)}, width {width}" for c, layers, width in (mine, theirs)),
            )
        added = {layer: self[layer] + other[layer] for layer in self.layers}
        return replace(self, directions=added, origin=summed(self.origin, other.origin))

    def __sub__(self, other: "SteeringVector") -> "SteeringVector":
        return self + (-other if isinstance(other, SteeringVector) else other)

    def at(self, layer: int, scale: float = 1.0) -> "Plan":
        """The plan that applies one layer of the vector to the response, by the edit that its method asks for.

        Raises
        ------
        SiteError
            The vector has no such layer.
        """
        from steerstack import apply

        return apply(self, layer, scale)

    def header(self) -> dict[str, object]:
        """What the file's metadata key ``steerstack`` holds."""
        return vector_file.header(self)

    def save(self, path: Path | str) -> None:
        """Write a safetensors file with one float32 tensor ``layer.<L>`` for each layer.

        The file appears whole or not at all.
        """
        vector_file.write(self, Path(path))

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
        return cls._of_parts(*vector_file.read(Path(path)))

    def to_json(self) -> dict[str, object]:
        """The vector as a JSON value: its header, and the tensors as base64 of safetensors."""
        return vector_file.to_json(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], shown: str) -> "SteeringVector":
        """The vector that :meth:`to_json` wrote; ``shown`` is where it stands, for errors."""
        return cls._of_parts(*vector_file.parts_of_json(value, shown))

    @classmethod
    def _of_parts(cls, parts: dict[str, dict[int, Tensor]], about: Mapping[str, Any]) -> "SteeringVector":
        facts = {name: about[name] for name in Origin.__dataclass_fields__ if name in about}
        edit = str(about.get("edit", "add"))
        return cls(parts.pop("layer"), about.get("site", "resid_post"), Origin(**facts), edit, parts)


def random_like(vector: SteeringVector, seed: int) -> SteeringVector:
    """A Gaussian random direction at every layer, with the norm of the given one (a null).

    It acts by the same edit; of the further parts those of several rows are directions too, and
    become random row by row.
    """
    generator = torch.Generator().manual_seed(seed)

    def noise(like: Tensor) -> Tensor:
        sample = torch.randn(like.shape, generator=generator)
        return sample * (like.norm(dim=-1, keepdim=True) / sample.norm(dim=-1, keepdim=True))

    directions = {layer: noise(vector[layer].float()) for layer in vector.layers}
    parts = {
        name: {layer: noise(tensor) if tensor.ndim > 1 else tensor for layer, tensor in of.items()}
        for name, of in vector.parts.items()
    }
    origin = replace(vector.origin, method="random", parameters={"seed": seed, "norms_of": vector.fingerprint})
    return replace(vector, directions=directions, parts=parts, origin=origin)


def cosine(a: Float[Tensor, " d_model"], b: Float[Tensor, " d_model"]) -> float:
    """Cosine of the angle between two directions."""
    value = float(torch.nn.functional.cosine_similarity(a.float(), b.float(), dim=0))
    return math.nan if value != value else value
