"""A vector at every block of a module, which a trainer trains like any other weight."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn, zeros

from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens

if TYPE_CHECKING:
    from steerstack.trace.model import Model

NAME = "layer_vectors"
"""Name of the module that holds the vectors, inside the one that is trained."""


def add_vectors(module: nn.Module, model: Model) -> None:
    """Give a copy of a model a trainable vector of zeros, in 32 bits, after every block."""
    vectors = nn.ParameterList([zeros(model.d_model, device=model.device) for _ in range(model.n_layers)])
    module.add_module(NAME, vectors)
    for layer, vector in enumerate(vectors):
        block = module.get_submodule(model.path(Site("resid_post", layer)))
        block.register_forward_hook(partial(_add, vector))


def _add(vector: Tensor, _block: nn.Module, _args: Any, output: Any) -> Any:
    """What a block gives, with the vector added at every token."""
    if isinstance(output, tuple):
        return (output[0] + vector.to(output[0]), *output[1:])
    return output + vector.to(output)


def plan_of(module: nn.Module) -> Plan:
    """The vectors as a plan for the model that the module is a copy of; one of zeros is left out."""
    vectors = [vector.detach().float().cpu() for vector in getattr(module, NAME)]
    return Plan(
        tuple(
            Add(Site("resid_post", layer), vector.clone(), selection=Tokens("all"))
            for layer, vector in enumerate(vectors)
            if bool(vector.any())
        )
    )
