"""The plain pass: one sequence as a whole, without a cache, edited by PyTorch's own hooks.

It knows neither nnsight nor the engine: what both give is held against it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from steerstack.steering.intervention import Intervention, Plan, SelectiveIntervention
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence

if TYPE_CHECKING:
    from steerstack.trace.model import Model

Change = Callable[[Float[Tensor, "batch token width"]], Float[Tensor, "batch token width"]]
"""What becomes of activations."""


@dataclass(frozen=True, eq=False)
class Nudge(SelectiveIntervention):
    """Pushes activations by a quarter of their norm, so that it is felt in every model."""

    direction: Float[Tensor, " d_model"]

    @classmethod
    def drawn(cls, site: Site, d_model: int, seed: int) -> Nudge:
        """A push in a direction that is drawn at random."""
        direction = torch.randn(d_model, generator=torch.Generator().manual_seed(seed))
        return cls(site, direction=nn.functional.normalize(direction, dim=0))

    def edit(self, hidden: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The activations, pushed."""
        return hidden + 0.25 * hidden.norm(dim=-1, keepdim=True) * self.direction.to(hidden)


@dataclass(frozen=True, eq=False)
class Reference:
    """What plain passes said of a short text when a model was opened, so that nobody needs to run them again.

    Attributes
    ----------
    sequence:
        The text.
    plan:
        Edits of the response, before the first of the blocks that a pass must run to meet every kind.
    plain, steered:
        Log-probabilities (nats) of the answer's tokens, unsteered and under the plan.
    """

    sequence: TokenSequence
    plan: Plan
    plain: list[float]
    steered: list[float]


@torch.no_grad()
def plain_logits(
    model: Model, ids: Sequence[int], changes: Sequence[tuple[Site, Change]] = ()
) -> Float[Tensor, "token vocab"]:
    """Logits at every token of one sequence, in float32, with activations changed on the way.

    Parameters
    ----------
    model:
        A model whose weights are here.
    ids:
        Token ids.
    changes:
        In order, where to change activations, and how; a change gets all tokens.
    """
    batch = torch.tensor([list(ids)], device=model.device)
    with model.lock, changed(model, changes, len(ids)):
        options = {"use_cache": False} if "use_cache" in model.accepts else {}
        return model.module(batch, **options).logits[0].float()  # type: ignore[no-any-return]


def answer_of(logits: Float[Tensor, "token vocab"], sequence: TokenSequence) -> list[float]:
    """Log-probabilities (nats) of the tokens of a sequence's answer, from the logits at every token."""
    logp = logits.log_softmax(-1)
    return [float(logp[place - 1, sequence.ids[place]]) for place in range(sequence.answer_start, len(sequence))]


def planned(plan: Plan, sequence: TokenSequence) -> list[tuple[Site, Change]]:
    """The edits of a plan at the positions that they touch in a sequence.

    Raises
    ------
    SiteError
        A position does not exist.
    """

    def change(edit: Intervention, where: list[int]) -> Change:
        def at_positions(hidden: Tensor) -> Tensor:
            out = hidden.clone()
            out[:, where] = edit.edit(out[:, where])
            return out

        return at_positions

    return [(edit.site, change(edit, list(edit.tokens.positions(sequence)))) for edit in plan]


@contextlib.contextmanager
def changed(model: Model, changes: Sequence[tuple[Site, Change]], tokens: int) -> Iterator[None]:
    """Change activations in whatever passes the model runs meanwhile, each of one sequence of ``tokens`` tokens."""
    with contextlib.ExitStack() as hooks:
        for site, change in changes:
            hooks.callback(set_hook(model, site, _of_one_row(change, tokens)).remove)
        yield


def _of_one_row(change: Change, tokens: int) -> Callable[[Tensor], Tensor]:
    # OPT flattens batch and token, projections hold heads side by side
    return lambda hidden: change(hidden.reshape(1, tokens, -1)).reshape(hidden.shape)


def set_hook(model: Model, site: Site, apply: Callable[[Tensor], Tensor]) -> RemovableHandle:
    """Let a function change what passes a site, in the shape in which the module has it; ``.remove()`` undoes it."""
    return set_hook_on(model.module_at(site), site, apply)


def set_hook_on(module: nn.Module, site: Site, apply: Callable[[Tensor], Tensor]) -> RemovableHandle:
    """The same on the module that a site reads, of a copy of the model, say."""

    def before(_module: nn.Module, args: Any, kwargs: Any) -> Any:
        if args:
            return (apply(args[0]), *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": apply(kwargs["hidden_states"])}

    def after(_module: nn.Module, _args: Any, output: Any) -> Any:
        if isinstance(output, tuple | list):
            return type(output)((apply(output[0]), *output[1:]))
        return apply(output)

    if site.component in ("resid_pre", "head_out"):
        return module.register_forward_pre_hook(before, with_kwargs=True)
    return module.register_forward_hook(after)
