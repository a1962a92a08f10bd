"""From contrast pairs to a steering vector, with its origin."""

from collections.abc import Callable, Sequence

from steerstack.asking import contrast_pairs
from steerstack.contracts import Extractor
from steerstack.data import DataSet
from steerstack.engine.extract import PairActivations
from steerstack.site import Component
from steerstack.trace.model import Model
from steerstack.vector import Origin, SteeringVector


def extract(
    model: Model,
    data: DataSet,
    method: Extractor,
    *,
    position: str = "answer",
    component: Component = "resid_post",
    layers: Sequence[int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> SteeringVector:
    """Extract a vector from a data set.

    Parameters
    ----------
    model, data:
        The model whose activations are read, and the training items.
    method:
        The extractor.
    position:
        ``answer``, ``last`` or ``response``: see :func:`steerstack.asking.contrast_pairs`.
    component, layers:
        Where to read; None for all layers.
    progress:
        Told how many pairs are done.

    Raises
    ------
    DegenerateDirectionError
        The two sides are the same at some layer.
    """
    pairs = contrast_pairs(model.format, data, position)
    stream = PairActivations(model, pairs, component=component, layers=layers, progress=progress)
    origin = Origin(
        method=method.name,
        parameters=method.parameters(),
        position=position,
        model_name=model.name,
        model_fingerprint=model.fingerprint,
        data_digest=data.digest,
        n_pairs=len(pairs),
        behavior=data.behavior,
    )
    return SteeringVector(dict(method.fit(stream)), component, origin)
