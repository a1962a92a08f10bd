"""The check on opening: names and shapes are what they promise, and an edit takes effect."""

import torch

from steerstack.errors import ModelError
from steerstack.steering.site import COMPONENTS, Site
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model


def _probe_ids(model: Model, n: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, int(model.config.vocab_size), (1, n), generator=generator)


def check_model(model: Model) -> None:
    """Try the model on a few tokens.

    The number of blocks and the width agree with the config; a capture at the first and the
    last block is [1, token, d_model]; an edit at every component of a middle block changes
    what comes out.

    Raises
    ------
    ModelError
        Something is not as the names promise.
    """
    declared = int(model.config.num_hidden_layers)
    if declared != model.n_layers:
        raise ModelError(
            f"{model.name} declares {declared} layers.",
            seen=f"{model.n_layers} blocks",
            fix="Tell us about this model.",
        )
    ids = _probe_ids(model)
    mask = torch.ones_like(ids, dtype=torch.bool)
    ends = [Site("resid_post", 0), Site("resid_post", model.n_layers - 1)]
    plain = run(model, Pass(ids, mask, read={site: lambda h: h for site in ends}, head=lambda h: h[:, -1]))
    for site in ends:
        if tuple(plain.read[site].shape) != (1, ids.shape[1], model.d_model):
            raise ModelError(
                f"{site} of {model.name} is not [batch, token, d_model].",
                seen=f"shape {tuple(plain.read[site].shape)}, expected {(1, ids.shape[1], model.d_model)}",
            )
    middle = model.n_layers // 2
    for component in COMPONENTS:
        site = Site(component, middle)
        edited = run(model, Pass(ids, mask, edits={site: lambda h: h + 1.0 + h.roll(1, -1)}, head=lambda h: h[:, -1]))
        if torch.equal(edited.logits, plain.logits):
            raise ModelError(
                f"An edit at {site} of {model.name} had no effect.",
                seen=f"module {model.path(site)}",
                fix="The site names do not fit this architecture; tell us about it.",
            )
