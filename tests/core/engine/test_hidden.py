"""Activations of sequences of several lengths are those of each sequence alone, whatever the model allows."""

import pytest
import torch
from torch import nn

from steerstack.data.prompts import Prompt
from steerstack.engine.gradients import Shift, differentiable
from steerstack.engine.hidden import hidden_states
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_logits, naive_score
from steerstack.trace.open import open_model


class Mixed(nn.Module):
    """A feed-forward sublayer that lets the rows of a pass read one another."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, hidden, *args, **kwargs):
        return self.inner(hidden, *args, **kwargs) + hidden.mean(0, keepdim=True)


@pytest.fixture(params=["llama", "mixed rows"])
def model(request):
    module = tiny_model("llama")
    if request.param != "llama":
        module.model.layers[1].mlp = Mixed(module.model.layers[1].mlp)
    return open_model(module, tokenizer=tiny_tokenizer())


def plain_states(model, sequence, site, plan):
    """The block's output in a plain pass, by a hook of its own."""
    states = []
    hook = model.module_at(site).register_forward_hook(lambda _m, _a, out: states.append(out[0]))
    naive_logits(model, sequence, plan)
    hook.remove()
    return states[0]


def test_they_are_those_of_each_sequence_alone(model):
    sequences = [model.format.sequence(Prompt(text)) for text in ("a", "bcd, is it?", "What?")]
    site, direction = Site("resid_post", 2), torch.ones(model.d_model, requires_grad=True)
    plan = Plan((Shift(Site("resid_post", 0), direction, selection=Tokens("all")),))
    for arm, edits in ((Plan(), None), (plan, plan)):
        states = hidden_states(model, sequences, [site], edits)[site]
        for row, sequence in zip(states, sequences, strict=True):
            torch.testing.assert_close(row[: len(sequence)], plain_states(model, sequence, site, arm))
            assert not row[len(sequence) :].isnan().any()
    assert states.requires_grad


def test_training_sees_each_sequence_alone(model):
    sequences = [model.format.answers(Prompt(text), ["yes, it is"])[0] for text in ("a", "bcd, is it?")]
    direction = torch.ones(model.d_model, requires_grad=True)
    plan = Plan((Shift(Site("resid_post", 0), direction, selection=Tokens("response")),))
    logp = differentiable(model, sequences, plan).logp
    for value, sequence in zip(logp, sequences, strict=True):
        assert float(value.detach()) == pytest.approx(sum(naive_score(model, sequence, plan)), abs=1e-4)
