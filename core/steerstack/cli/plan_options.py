"""From command-line options to a plan."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from steerstack.cli import options
from steerstack.cli.assignments import numbers, settings
from steerstack.errors import SteerstackError

if TYPE_CHECKING:
    from steerstack.contracts import Edit
    from steerstack.steering.vector import SteeringVector
    from steerstack.study.claims import Claim
    from steerstack.trace.model import Model


def layers_of(vector: "SteeringVector", layer: str | None) -> tuple[int, ...]:
    """The layers that ``--layer`` names; raises SteerstackError where it names none and the vector has several."""
    if layer == "all" or (layer is None and len(vector.layers) == 1):
        return vector.layers
    if layer is None:
        raise SteerstackError(
            "A vector needs a layer.", seen=f"layers {', '.join(map(str, vector.layers))}", fix="Add --layer L."
        )
    return numbers(layer, int, "layers")


@dataclass(frozen=True)
class VectorOptions:
    """Which vector acts, where, and how."""

    vector: Path | None = options.VECTOR
    layer: str | None = options.LAYER
    relative: bool = options.RELATIVE
    edit: str | None = options.EDIT
    edit_set: list[str] = options.EDIT_SET
    tokens: str = options.TOKENS
    transfer: bool = options.TRANSFER

    @cached_property
    def edited(self) -> "Edit | None":
        """The edit with its parameters; None where neither is given. Raises PluginError, ParameterError."""
        from steerstack.catalog.lookup import find

        assignments = self.edit_set + (["relative=true"] if self.relative else [])
        return find("edit", self.edit or "add").make(settings(assignments)) if self.edit or assignments else None

    def claim(self, model: "Model", scale: float, system: str | None = None) -> "Claim":
        """What the options apply to a model; nothing without a vector.

        Raises
        ------
        SteerstackError
            The vector is missing, does not fit, or has no layer named.
        """
        from steerstack.exchange.load_vector import load_vector
        from steerstack.study.claims import Claim

        if self.vector is None:
            return Claim({}, system=system)
        loaded = load_vector(self.vector)
        model.check_vector(loaded, transfer=self.transfer)
        layers = layers_of(loaded, self.layer)
        for one in layers:
            model.check_site(loaded.site(one))
        return Claim({}, vector=loaded, layers=layers, scale=scale, tokens=self.tokens, edit=self.edited, system=system)
