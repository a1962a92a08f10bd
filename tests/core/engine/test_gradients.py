"""Differentiable passes: values as the engine's, gradients as those of a plain hook."""

import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.gradients import Shift, differentiable
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens


def sequences(model):
    return [
        model.format.answers(Prompt(question), [answer])[0]
        for question, answer in [("Is it so?", "It is."), ("What would you say to that?", "Nothing.")]
    ]


def plan(direction, layer=1, tokens="response"):
    return Plan((Shift(Site("resid_post", layer), direction, selection=Tokens(tokens)),))


def test_values_are_those_of_the_engine(tiny):
    for architecture in ("llama", "gpt2", "bloom"):
        model = tiny(architecture)
        texts, direction = sequences(model), torch.randn(model.d_model)
        logp = differentiable(model, texts, plan(direction)).logp
        expected = score(model, [[s] for s in texts], [plan(direction)])[0]
        for index, value in enumerate(logp.tolist()):
            assert abs(value - expected.total(index, 0)) < 1e-4


def test_gradients_are_those_of_a_plain_hook(llama):
    texts = sequences(llama)
    direction = torch.randn(llama.d_model, requires_grad=True)
    (mine,) = torch.autograd.grad(differentiable(llama, texts, plan(direction)).logp.sum(), direction)
    expected = torch.zeros_like(direction)
    for one in texts:
        mask = (torch.arange(len(one)) >= one.response_start).float()[:, None]
        hook = llama.module.model.layers[1].register_forward_hook(lambda _m, _a, out, m=mask: out + m * direction)
        logits = llama.module(torch.tensor([one.ids])).logits[0].log_softmax(-1)
        hook.remove()
        total = sum(logits[p - 1, one.ids[p]] for p in range(one.answer_start, len(one)))
        expected += torch.autograd.grad(total, direction)[0]
    torch.testing.assert_close(mine, expected, rtol=1e-4, atol=1e-5)
    assert all(parameter.grad is None for parameter in llama.module.parameters())


def test_each_sequence_may_have_its_own_plan_and_activations_are_read(llama):
    texts, site = sequences(llama), Site("resid_post", 3)
    direction = torch.zeros(llama.d_model, requires_grad=True)
    result = differentiable(llama, texts, [plan(direction), Plan()], read=[site])
    assert result.hidden[site].shape == (2, max(map(len, texts)), llama.d_model)
    first, second = (
        torch.autograd.grad(result.hidden[site][i].sum(), direction, retain_graph=True, allow_unused=True)[0]
        for i in range(2)
    )
    assert first.abs().sum() > 0
    assert second is None or second.abs().sum() == 0
    assert result.exists.sum(1).tolist() == [len(s) for s in texts]
