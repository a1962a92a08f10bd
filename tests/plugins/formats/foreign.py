"""Steering as other tools do it, by plain PyTorch hooks, and as steerstack does it, to compare the two."""

import torch

from steerstack.engine.score import score
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.techniques.apply import apply_all
from steerstack.testing.models import WIDTH

IDS = (5, 9, 2, 77, 130, 8, 61)


def rows(*layers, seed=2):
    """A random direction for each layer."""
    drawn = torch.randn(len(layers), WIDTH, generator=torch.Generator().manual_seed(seed))
    return dict(zip(layers, drawn, strict=True))


def ours(model, vector, scale=1.0, edit=None):
    """Log-probability of each token but the first, by the engine, with every layer of the vector at work."""
    plan = apply_all(vector, scale=scale, tokens=Tokens("all"), edit=edit)
    return torch.tensor(score(model, [[TokenSequence(IDS, 0, 1)]], [plan])[0].tokens[0][0])


def chosen(logits):
    """Log-probability of each token but the first."""
    logp = logits[0, :-1].float().log_softmax(-1)
    return logp.gather(-1, torch.tensor(IDS[1:])[:, None])[:, 0]


def plain(model):
    """Log-probabilities of the bare model as it is now, hooks and all."""
    with torch.no_grad():
        return chosen(model.module(torch.tensor([IDS])).logits)


def hooked(model, outputs=None, inputs=None):
    """Log-probabilities with functions applied to outputs and inputs of modules, by name."""
    handles = []
    for name, change in (outputs or {}).items():

        def after(_module, _args, out, change=change):
            return (change(out[0]), *out[1:]) if isinstance(out, tuple) else change(out)

        handles.append(model.module.get_submodule(name).register_forward_hook(after))
    for name, change in (inputs or {}).items():

        def before(_module, args, kwargs, change=change):
            return (
                ((change(args[0]), *args[1:]), kwargs)
                if args
                else (args, {**kwargs, "hidden_states": change(kwargs["hidden_states"])})
            )

        handles.append(model.module.get_submodule(name).register_forward_pre_hook(before, with_kwargs=True))
    try:
        return plain(model)
    finally:
        for handle in handles:
            handle.remove()


def adding(directions, blocks="model.layers", scale=1.0):
    """Hooks that add directions to the outputs of blocks."""
    return {f"{blocks}.{n}": lambda h, d=d: h + scale * d for n, d in directions.items()}


def close(one, other, tolerance=1e-4):
    return float((one - other).abs().max()) < tolerance
