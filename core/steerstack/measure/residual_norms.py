"""Residual norms: the unit in which strengths are comparable between layers and models."""

from weakref import WeakKeyDictionary

import torch

from steerstack.engine.layout.batches import batches
from steerstack.engine.layout.tree import Tree
from steerstack.engine.limits import check_fits
from steerstack.engine.proof import prove
from steerstack.measure.neutral_text import neutral_texts
from steerstack.steering.site import Component, Site
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model

_KNOWN: WeakKeyDictionary[Model, dict[Component, dict[int, float]]] = WeakKeyDictionary()


def residual_norms(model: Model, component: Component = "resid_post") -> dict[int, float]:
    """Median Euclidean norm of the activations at each layer that has the component, over the tokens of neutral text.

    The first token of each text is left out: many models park huge activations there. A model is read
    once: a study fits many techniques on it, and each chooses its strengths by these norms.
    """
    norms = _KNOWN.setdefault(model, {})
    if component not in norms:
        norms[component] = _read(model, component)
    return dict(norms[component])


def _read(model: Model, component: Component) -> dict[int, float]:
    texts = neutral_texts(model.format)
    check_fits(model, texts)
    trees = [Tree.of([text], whole=True) for text in texts]
    sites = [Site(component, layer) for layer in range(model.n_layers)]
    sites = [site for site in sites if model.has(site)]
    lengths: dict[int, list[torch.Tensor]] = {site.layer: [] for site in sites}
    prove(model)
    for batch in batches(model, trees):
        exists = batch.exists.clone()
        exists[:, 0] = False
        readers = {site: lambda h, e=exists: h.float().norm(dim=-1)[e.to(h.device)].cpu() for site in sites}
        outcome = run(model, Pass(batch.ids, batch.exists, positions=batch.positions, read=readers))
        for site in sites:
            lengths[site.layer].append(outcome.read[site])
    return {layer: float(torch.cat(norms).median()) for layer, norms in lengths.items()}
