"""What a vector says by itself: the tokens that it promotes and suppresses, read straight through the unembedding.

Direct logit attribution (nostalgebraist's logit lens; Elhage et al., "A Mathematical Framework for
Transformer Circuits", 2021): the final norm is linear once its scale is held fixed, so a direction d added to
the stream changes the logits by ``W_U (g * d) / s``, where g is the norm's gain and s its scale; LayerNorm
first takes the mean from d.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steerstack.errors import ModelError, RemoteError
from steerstack.measure.residual_norms import residual_norms
from steerstack.steering.site import Site
from steerstack.steering.vector import SteeringVector
from steerstack.trace.model import Model

RANDOM = 20
"""Random directions of the same norm that a reading is held against."""

LIMITS = (
    "A linear readout straight from the site to the logits: what later layers make of the vector is not in it, so it "
    "says little of early layers; the final norm's gain is applied and its scale held at its median on neutral text."
)


@dataclass(frozen=True)
class Reading:
    """What one layer's direction does to the logits directly.

    Attributes
    ----------
    layer:
        The layer.
    promoted, suppressed:
        Tokens (id, text) with the change of their logit, less its mean over the vocabulary; the largest first.
    random_top:
        The same for the most promoted token of a random direction of the same norm (mean of several).
    """

    layer: int
    promoted: tuple[tuple[int, str, float], ...]
    suppressed: tuple[tuple[int, str, float], ...]
    random_top: float

    def to_json(self) -> dict[str, object]:
        """As JSON."""
        named = {"promoted": self.promoted, "suppressed": self.suppressed}
        rows = {
            key: [{"id": token, "token": text, "logit": logit} for token, text, logit in of]
            for key, of in named.items()
        }
        return {"layer": self.layer, **rows, "random_top": self.random_top}


def read_vector(model: Model, vector: SteeringVector, layers: Sequence[int], *, top: int = 10) -> list[Reading]:
    """The tokens that a vector promotes and suppresses at some of its layers.

    Raises
    ------
    RemoteError
        The weights are on a server.
    ModelError
        The model has no final norm or unembedding by a known name.
    SiteError
        The vector has no such layer.
    """
    if model.remote is not None:
        raise RemoteError("The unembedding is on the server.", fix="Open the model without --remote.")
    scale = residual_norms(model)[model.n_layers - 1] / model.d_model**0.5
    directions = torch.empty(len(layers), 1 + RANDOM, model.d_model)
    for at, layer in zip(directions, layers, strict=True):
        at[0] = _written(model, vector.site(layer), vector[layer])
        noise = torch.randn(RANDOM, model.d_model, generator=torch.Generator().manual_seed(layer))
        at[1:] = noise * (at[0].norm() / noise.norm(dim=-1, keepdim=True))
    readings = []
    for layer, logits in zip(layers, unembedded(model, directions), strict=True):
        changes = logits / scale
        changes -= changes.mean(-1, keepdim=True)
        best, worst = changes[0].topk(top), (-changes[0]).topk(top)
        readings.append(
            Reading(
                layer,
                _named(model, best.indices, best.values),
                _named(model, worst.indices, -worst.values),
                float(changes[1:].max(-1).values.mean()),
            )
        )
    return readings


@torch.no_grad()
def unembedded(model: Model, directions: Float[Tensor, "*n d_model"]) -> Float[Tensor, "*n vocab"]:
    """``W_U (g * d)`` for each direction, in float32: the change of the logits, times the final norm's scale."""
    norm = getattr(model.envoy, "ln_final", None)
    head: Any = model.module.get_output_embeddings()  # type: ignore[operator]
    if norm is None or head is None:
        raise ModelError(
            f"No final norm or unembedding was found in {model.name}.",
            seen=f"model type {model.config.model_type!r}",
            fix="Tell us about this model.",
        )
    gain, centred = _linear_part(norm._module, model.d_model)
    if centred:
        directions = directions - directions.mean(-1, keepdim=True)
    return (gain * directions.float()) @ head.weight.float().cpu().T  # type: ignore[no-any-return]


def _linear_part(norm: nn.Module, d_model: int) -> tuple[Float[Tensor, " d_model"], bool]:
    """The gain of a norm, and whether it subtracts the mean, found by trying it.

    Families store the gain in different ways (Gemma: less 1), so it is read off the norm's values for an input
    that has no mean and no zeros.
    """
    twin = copy.deepcopy(norm).float().cpu()
    probe = torch.ones(d_model)
    probe[1::2] = -1.0
    if d_model % 2:
        probe[-1] = -2.0
        probe[-3:-1] = 1.0
    probe = 1e3 * probe  # far above the norm's epsilon
    scale = probe.square().mean().sqrt()
    gain = (twin(probe) - twin(-probe)) / 2 * scale / probe  # a shift cancels
    difference = twin(probe + scale) - twin(probe)
    return gain, bool(difference.abs().max() < 1e-3 * gain.abs().max())


@torch.no_grad()
def _written(model: Model, site: Site, direction: Float[Tensor, " d_model"]) -> Float[Tensor, " d_model"]:
    """What reaches the residual stream: heads' outputs go through their projection."""
    if site.component != "head_out":
        return direction.float()
    projection = model.module_at(site)
    rows = torch.stack([direction, torch.zeros_like(direction)]).to(model.device, model.dtype)
    through = projection(rows).float().cpu()
    return through[0] - through[1]


def _named(model: Model, ids: Tensor, logits: Tensor) -> tuple[tuple[int, str, float], ...]:
    return tuple((int(i), model.tokenizer.decode([int(i)]), float(v)) for i, v in zip(ids, logits, strict=True))
