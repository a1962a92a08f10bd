"""From contrast pairs to a steering vector, with its origin."""

from collections.abc import Callable, Sequence

from steerstack.catalog.lookup import find, full_name
from steerstack.contracts import Extractor
from steerstack.data.items import DataSet
from steerstack.data.splits import as_data
from steerstack.engine import fit as fitting
from steerstack.engine.data_activations import DataActivations
from steerstack.engine.resources.activation_store import STORE, ActivationStore
from steerstack.steering.site import Component, Site
from steerstack.steering.vector import Origin, SteeringVector
from steerstack.trace import anatomy
from steerstack.trace.model import Model
from steerstack.trace.model_argument import as_model


def extract(
    model: Model,
    data: DataSet,
    method: Extractor | str,
    *,
    position: str | None = None,
    component: Component | None = None,
    layers: Sequence[int] | None = None,
    progress: Callable[[int], None] | None = None,
    store: ActivationStore | None = STORE,
) -> SteeringVector:
    """Extract a vector from a data set.

    Parameters
    ----------
    model, data:
        The model whose activations are read, and the training items.
    method:
        The extractor, or its name for the one with default parameters.
    position:
        ``answer``, ``last`` or ``response``: see :func:`steerstack.data.questions.contrast_pairs`; None
        for the method's own.
    component, layers:
        Where to read; None for the method's own component, and for all layers.
    progress:
        Told how many pairs are done.
    store:
        Where activations are kept, so that the same pairs are not run again; None for nowhere.

    Raises
    ------
    ArgumentError
        No opened model, or no data set.
    PluginError
        There is no method of that name.
    ExtractionError
        The method cannot work with these pairs or this model.
    DegenerateDirectionError
        The two sides are the same at some layer.
    """
    model, data = as_model(model), as_data(data, "train")
    if isinstance(method, str):
        method = find("extractor", method).make()
    stream = DataActivations(
        model,
        data,
        position=position or method.position,
        component=component or method.component,
        layers=layers,
        progress=progress,
        store=store,
    )
    return fit(method, stream)


def fit(method: Extractor, stream: DataActivations) -> SteeringVector:
    """The vector that a method makes of a stream, with its origin."""
    fitted = fitting.fitted(method, stream)
    model, data = stream.model, stream.data
    component = fitted.component or stream.component
    reads = {_reads(model, Site(component, layer)) for layer in fitted.directions}
    origin = Origin(
        method=full_name("extractor", method),
        parameters=method.parameters(),
        position=stream.position,
        model_name=model.name,
        model_fingerprint=model.fingerprint,
        data_digest=data.digest,
        n_pairs=len(stream),
        behavior=data.behavior,
        found=dict(fitted.record),
        reads=max(reads),  # some layers of a mixture are dense
    )
    return SteeringVector(dict(fitted.directions), component, origin, fitted.edit, dict(fitted.parts))


def _reads(model: Model, site: Site) -> str:
    """What a site's component is in this model, where its name alone does not say it; empty elsewhere."""
    mixture = site.component == "mlp_out" and anatomy.mixes(model.module_at(site))
    return "the sum of the experts after routing" if mixture else ""
