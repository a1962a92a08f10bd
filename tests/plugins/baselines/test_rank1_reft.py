"""Rank-1 LoReFT: the edit against its equation, the pass against plain hooks, and a study with the plan."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from steerstack.data.prompts import Prompt
from steerstack.data.questions import ask
from steerstack.engine.decode.generate import generate
from steerstack.errors import SiteError
from steerstack.measure.arm import Arm
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.study.fit_step import values_of
from steerstack.techniques.technique import Conditioning
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.baselines.rank1_reft import LearnedCoordinate, Rank1Reft, answer_loss

TRAIN, VALIDATION = planted_data(6), planted_data(4, first=6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_edit_is_equation_2_with_one_row(seed):
    draw = np.random.default_rng(seed)
    hidden, source, bias = draw.normal(size=(3, 8)), draw.normal(size=(1, 8)), draw.normal(size=1)
    row = draw.normal(size=(1, 8))
    row /= np.linalg.norm(row)
    expected = hidden + (hidden @ source.T + bias - hidden @ row.T) @ row  # h + R^T (W h + b - R h)
    as_tensor = [torch.tensor(value, dtype=torch.float64) for value in (row[0], source[0], bias[0])]
    edit = LearnedCoordinate(Site("resid_post", 0), *as_tensor)
    given_in = torch.tensor(hidden, dtype=torch.float32)
    output = edit.edit(given_in)
    np.testing.assert_allclose(output.numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(output.numpy() @ row[0], (hidden @ source.T + bias)[:, 0], atol=1e-4)
    assert torch.equal(given_in, torch.tensor(hidden, dtype=torch.float32))


def test_loss_and_gradient_are_those_of_a_plain_hook():
    model = planted_model()
    texts = [question.exhibits for question in ask(model.format, TRAIN, "text")][:2]
    start = torch.randn(65, generator=torch.Generator().manual_seed(1)) * 0.2
    flat, other = start.clone().requires_grad_(), start.clone().requires_grad_()
    ours = answer_loss(model, texts, Rank1Reft().plan(flat, Site("resid_post", 1)))
    (gradient,) = torch.autograd.grad(ours, flat)

    row, source, bias = other[:32] / other[:32].norm(), other[32:64], other[64]
    total, tokens = torch.zeros(()), 0
    for text in texts:

        def hook(_module, _inputs, output, start=text.response_start):
            hidden = output[0] if isinstance(output, tuple) else output
            late = hidden[:, start:]
            late = late + (late @ source + bias - late @ row)[..., None] * row
            changed = torch.cat([hidden[:, :start], late], dim=1)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        handle = model.module.model.layers[1].register_forward_hook(hook)
        logits = model.module(torch.tensor([text.ids])).logits[0]
        handle.remove()
        answer = torch.tensor(text.ids[text.answer_start :])
        total = total + cross_entropy(logits[text.answer_start - 1 : -1], answer, reduction="sum")
        tokens += len(answer)
    (expected,) = torch.autograd.grad(total / tokens, other)
    assert float(ours.detach()) == pytest.approx(float((total / tokens).detach()), abs=1e-5)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-3)


def test_no_epochs_is_the_model_as_it_was_and_training_lowers_the_loss():
    none = Rank1Reft(epochs=0).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    assert len(none.plan) == 0
    tuned = Rank1Reft(epochs=3, batch=8).tune(planted_model(), TRAIN, TRAIN, seed=0)
    steps, held = tuned.record["loss_by_step"], tuned.record["validation_loss_by_epoch"]
    assert held[0] == pytest.approx(none.record["validation_loss_by_epoch"][0], abs=0.2)
    assert steps == pytest.approx(held[:3], abs=1e-4)  # whole batches: before each step, the epoch before
    assert held[tuned.record["epoch_chosen"]] == min(held) < held[0]
    assert tuned.parameters == 2 * 32 + 1
    (edit,) = tuned.plan
    assert float(edit.direction.norm()) == pytest.approx(1, abs=1e-5)
    assert not edit.direction.requires_grad


def test_a_study_measures_the_model_with_the_edit_and_generation_takes_it_too():
    model, test = planted_model(), planted_data(4, first=10)
    fitted = Conditioning(Rank1Reft(epochs=3, learning_rate=0.1)).fit(model, TRAIN, VALIDATION, "text", 0)
    assert fitted.arm.model is model
    assert len(fitted.arm.plan) == 1
    bare = values_of(Arm(model), test, "text")
    assert values_of(fitted.arm, test, "text").mean() > bare.mean()
    (arm,) = generate(model, [model.format.sequence(Prompt("Is it so?"))], [fitted.arm.plan])
    assert arm.edited.positions > 0


def test_tokens_and_layer_are_those_asked_for():
    tuned = Rank1Reft(epochs=1, layer=3, tokens="last").tune(planted_model(), TRAIN, VALIDATION, seed=0)
    (edit,) = tuned.plan
    assert (edit.site, edit.tokens) == (Site("resid_post", 3), Tokens("last"))
    with pytest.raises(SiteError, match="out of range"):
        Rank1Reft(layer=9).tune(planted_model(), TRAIN, VALIDATION, seed=0)
