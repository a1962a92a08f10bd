"""From a vector to a plan: which edit, at which layer, how strong, on which tokens."""

from collections.abc import Sequence
from numbers import Real

from steerstack.catalog.lookup import find
from steerstack.contracts import Edit
from steerstack.errors import ArgumentError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector


def edit_of(vector: SteeringVector) -> Edit:
    """The edit by which a vector acts, with its default parameters; raises PluginError."""
    return find("edit", vector.edit).make()


def apply(
    vector: SteeringVector, layer: int, scale: float = 1.0, *, tokens: Tokens | None = None, edit: Edit | None = None
) -> Plan:
    """The plan that applies one layer of a vector; an empty one for scale 0.

    Parameters
    ----------
    vector, layer:
        The vector, and which of its layers.
    scale:
        Strength: the multiplier of an addition, 1 for a whole ablation.
    tokens:
        Which positions; None for the response.
    edit:
        How it acts; None for the way its method asks for.

    Raises
    ------
    ArgumentError
        The scale is no number.
    SiteError
        The vector has no such layer.
    VectorError
        The edit needs a part that the vector does not have.
    """
    if not isinstance(scale, Real):
        raise ArgumentError(f"The scale is a {type(scale).__name__}.", seen=repr(scale)[:40], fix="Give a number.")
    direction = vector[layer]  # said before anything else if there is none
    assert direction.ndim == 1
    if scale == 0:
        return Plan()
    return (edit or edit_of(vector)).plan(vector, layer, scale, tokens or Tokens("response"))


def apply_all(
    vector: SteeringVector,
    layers: Sequence[int] | None = None,
    scale: float = 1.0,
    *,
    tokens: Tokens | None = None,
    edit: Edit | None = None,
) -> Plan:
    """The plan that applies several layers at once (all of them for None), as ITI and RepE do."""
    plan = Plan()
    for layer in vector.layers if layers is None else layers:
        plan = plan >> apply(vector, layer, scale, tokens=tokens, edit=edit)
    return plan
