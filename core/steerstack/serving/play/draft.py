"""What is seen on the page, as a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from steerstack.catalog.lookup import find
from steerstack.errors import ArgumentError, SteerstackError
from steerstack.serving.play.strength import share
from steerstack.steering.origin import UNKNOWN
from steerstack.study.stack.study import Stack
from steerstack.study.sweep.study import Sweep
from steerstack.techniques.apply import edit_of
from steerstack.util.numbers import fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.contracts import Edit, Extractor
    from steerstack.steering.vector import SteeringVector
    from steerstack.study.study import Study
    from steerstack.trace.model import Model


def draft(
    model: Model,
    vector: SteeringVector,
    layer: int,
    scale: float,
    *,
    file: str,
    behavior: str,
    common: Mapping[str, Any],
    edit: Edit | None = None,
    transfer: bool = False,
) -> str:
    """The text of a study file that asks whether what is seen holds.

    That is a stack where its method can find the vector again in the data, at this layer and strength: the vector
    alone, and on top of prompting and fine-tuning. Of any other vector, such as another tool's or another behaviour's,
    it is a sweep of the file itself.

    Parameters
    ----------
    file:
        Where the vector is.
    behavior:
        Of the data.
    common:
        Fields of any study: the data and the model among them.
    edit:
        How the vector acts; None for the way its method asks for.
    transfer:
        Whether a vector from other weights is wanted.

    Raises
    ------
    ArgumentError
        The scale is 0: there is nothing to study.
    SiteError
        The vector has no such layer.
    """
    direction = vector[layer]
    assert direction.ndim == 1
    if scale == 0:
        raise ArgumentError("At scale 0 the vector does nothing.", fix="Move the slider away from 0.")
    added = share(model, vector, layer, scale)
    again = edit is None and vector.component == "resid_post" and vector.origin.behavior == behavior
    about = [f"Made from what was seen of {file} at layer {layer}, scale {scale:g}"]
    if added is not None:
        about[0] += f": {fixed(abs(added), 3)} of the median norm of the activations there"
    study: Study
    if again and added and _finds_again(vector):
        study = _stack(vector, layer, added, common)
        about += [
            f"The vector is found anew on training items by {vector.origin.method}, and measured in both directions."
        ]
    else:
        study = _sweep(layer, scale, file, edit, {**common, "transfer": transfer})
        about += ["The vector is taken from its file, since its method cannot find it again in this data."]
    comments = "".join(f"# {' '.join(line.split())}\n" for line in about)
    return comments + study.to_yaml()


def _finds_again(vector: SteeringVector) -> bool:
    """Whether there is the vector's method, and it takes layer and strength from us."""
    try:
        method: Extractor = find("extractor", vector.origin.method).make(dict(vector.origin.parameters))
        own = edit_of(vector).scales
    except SteerstackError:
        return False
    return not method.at_once and method.scales is None and own is None


def _stack(vector: SteeringVector, layer: int, added: float, common: Mapping[str, Any]) -> Study:
    origin = vector.origin
    where = {} if origin.position == UNKNOWN else {"position": origin.position}
    method = {"name": origin.method, **origin.parameters}
    return Stack.make({**common, **where, "method": method, "layers": [layer], "shares": [round(abs(added), 4)]})


def _sweep(layer: int, scale: float, file: str, edit: Edit | None, common: Mapping[str, Any]) -> Study:
    acting = {} if edit is None else {"edit": {"name": edit.name, **edit.parameters()}}
    scales = sorted({-scale, 0.0, scale})
    return Sweep.make({**common, **acting, "vector": file, "layers": [layer], "scales": scales})


def place(name: str) -> str:
    """A file or folder by its whole path, so that the study finds it from any folder; other names as they are."""
    path = Path(name)
    return str(path.resolve()) if path.exists() else name
