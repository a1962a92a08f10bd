"""The naive run, as a reference: one full forward pass a sequence and arm, by plain PyTorch hooks.

Knows neither nnsight nor the engine, so that both can be held against it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import TokenSequence
from steerstack.trace.model import Model


def _hook(model: Model, edit: Any, positions: Sequence[int], n: int) -> Any:
    def apply(hidden: Tensor) -> Tensor:
        changed = hidden.reshape(1, n, -1).clone()
        where = list(positions)
        changed[:, where] = edit.edit(changed[:, where])
        return changed.reshape(hidden.shape)

    module = model.module_at(edit.site)
    if edit.site.component in ("resid_pre", "head_out"):
        return module.register_forward_pre_hook(
            lambda _m, args, kwargs: (
                ((apply(args[0]), *args[1:]), kwargs)
                if args
                else (args, {**kwargs, "hidden_states": apply(kwargs["hidden_states"])})
            ),
            with_kwargs=True,
        )

    def after(_module: nn.Module, _args: Any, output: Any) -> Any:
        return (apply(output[0]), *output[1:]) if isinstance(output, tuple) else apply(output)

    return module.register_forward_hook(after)


@torch.no_grad()
def naive_logits(model: Model, sequence: TokenSequence, plan: Plan) -> Float[Tensor, "token vocab"]:
    """Logits at every token of one sequence under a plan, in float32."""
    ids = torch.tensor([sequence.ids])
    places = [edit.tokens.positions(sequence) for edit in plan]  # refused before any hook is set
    hooks = [_hook(model, edit, where, len(sequence)) for edit, where in zip(plan, places, strict=True)]
    try:
        return model.module(ids.to(model.device)).logits[0].float()  # type: ignore[no-any-return]
    finally:
        for hook in hooks:
            hook.remove()


def naive_score(model: Model, sequence: TokenSequence, plan: Plan) -> list[float]:
    """Log-probabilities of the answer tokens of one sequence under a plan."""
    logp = naive_logits(model, sequence, plan).log_softmax(-1)
    return [float(logp[p - 1, sequence.ids[p]]) for p in range(sequence.answer_start, len(sequence))]
