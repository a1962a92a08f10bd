"""Edits for the tests of running remotely: all of the core, and one of a stranger, who is installed nowhere."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from steerstack.steering.edits import Ablate, Add, Clamp, Project
from steerstack.steering.intervention import Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import WIDTH

GAIN = 3.0


def _bend(hidden: Float[Tensor, "*batch d_model"]) -> Tensor:
    return torch.tanh(hidden / GAIN) * GAIN


@dataclass(frozen=True, eq=False)
class Bend(SelectiveIntervention):
    """Squash the activations, and shift the larger half: helpers, constants and branches of its own."""

    direction: Float[Tensor, " d_model"]
    _cut: float = 0.0

    @property
    def cut(self) -> float:
        return self._cut

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        bent = _bend(hidden)
        if bent.norm() > 1e9:
            return hidden
        return torch.where(bent.mean(-1, keepdim=True) > self.cut, bent + self.direction.to(bent), bent)


def edits() -> dict[str, Plan]:
    """Plans by name, at several components and token selections."""
    generator = torch.Generator().manual_seed(3)
    one, other, mean = torch.randn(3, WIDTH, generator=generator)
    post, pre, mlp = Site("resid_post", 1), Site("resid_pre", 2), Site("mlp_out", 2)
    attn, heads = Site("attn_out", 1), Site("head_out", 1)
    return {
        "add": Plan((Add(post, one, 2.0),)),
        "add-relative": Plan((Add(pre, one, 0.5, relative=True, selection=Tokens("all")),)),
        "ablate": Plan((Ablate(post, one),)),
        "ablate-subspace": Plan((Ablate(mlp, torch.stack([one, other])),)),
        "ablate-mean": Plan((Ablate(attn, one, "mean", mean),)),
        "ablate-zero": Plan((Ablate(attn, kind="zero", selection=Tokens("prompt")),)),
        "ablate-reader": Plan((Ablate(post, one, reader=one / one.dot(one)),)),
        "project": Plan((Project(post, torch.stack([one, other])),)),
        "clamp": Plan((Clamp(heads, one, -0.1, 0.1, selection=Tokens("last")),)),
        "two": Add(post, one, 1.0) >> Clamp(pre, other, 0.0, 0.0),
        "stranger": Plan((Bend(post, one, 0.01, selection=Tokens("all")),)),
    }
