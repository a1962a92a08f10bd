"""From command-line options to a plan."""

from pathlib import Path

from steerstack.catalog.lookup import find
from steerstack.cli.assignments import numbers, settings
from steerstack.contracts import Edit
from steerstack.errors import SteerstackError
from steerstack.exchange.load_vector import load_vector
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import Claim
from steerstack.trace.model import Model


def edit_named(name: str | None, assignments: list[str]) -> Edit | None:
    """The edit of a name with its parameters; None where neither is given."""
    if name is None and not assignments:
        return None
    return find("edit", name or "add").make(settings(assignments))


def layers_of(vector: SteeringVector, layer: str | None) -> tuple[int, ...]:
    """The layers that ``--layer`` names; raises SteerstackError where it names none and the vector has several."""
    if layer == "all" or (layer is None and len(vector.layers) == 1):
        return vector.layers
    if layer is None:
        raise SteerstackError(
            "A vector needs a layer.", seen=f"layers {', '.join(map(str, vector.layers))}", fix="Add --layer L."
        )
    return numbers(layer, int, "layers")


def applied(
    model: Model,
    vector: Path | None,
    layer: str | None,
    scale: float,
    edit: Edit | None,
    tokens: str,
    system: str | None,
    transfer: bool,
) -> Claim:
    """What the options apply; nothing without a vector.

    Raises
    ------
    SteerstackError
        The vector is missing, does not fit, or has no layer named.
    """
    if vector is None:
        return Claim({}, system=system)
    loaded = load_vector(vector)
    model.check_vector(loaded, transfer=transfer)
    layers = layers_of(loaded, layer)
    for one in layers:
        model.check_site(loaded.site(one))
    return Claim({}, vector=loaded, layers=layers, scale=scale, tokens=tokens, edit=edit, system=system)
