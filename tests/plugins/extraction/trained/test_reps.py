"""RePS: the loss is the paper's, written out answer by answer, and what makes no sense is refused."""

import pytest
import torch
from torch.nn.functional import softplus

from steerstack.catalog.data import load_data
from steerstack.data.questions import ask
from steerstack.errors import ParameterError
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.techniques.extract import extract
from steerstack_plugins.extraction.trained.reps import NullOut, RePS, bidirectional_loss


@pytest.mark.parametrize("tokens", ["all", "response"])
def test_the_loss_and_its_gradient_are_the_papers(llama, table, tokens):
    data, site, factors = load_data(table).limit(3), Site("resid_post", 1), torch.tensor([0.5, 2.0, 7.0])
    questions = ask(llama.format, data, "text")
    v = (torch.randn(32, generator=torch.Generator().manual_seed(0)) * 0.3).requires_grad_()

    def log_p(sequence, change):
        """Log-probability of an answer's tokens, with the selected activations changed by a hook."""
        first = 0 if tokens == "all" else sequence.response_start

        def hook(_module, _inputs, out):
            return torch.cat([out[:, :first], change(out[:, first:])], 1)

        handle = llama.module.model.layers[1].register_forward_hook(hook)
        logits = llama.module(torch.tensor([sequence.ids])).logits[0].log_softmax(-1)
        handle.remove()
        return sum(logits[p - 1, sequence.ids[p]] for p in range(sequence.answer_start, len(sequence)))

    def null(h):
        coefficient = torch.relu(h @ v) / v.norm() ** 2
        return h - coefficient.unsqueeze(-1) * v

    expected, reference = 0, []
    for question, a in zip(questions, factors, strict=True):
        c, o = question.exhibits, question.contrast
        n_c, n_o = len(c) - c.answer_start, len(o) - o.answer_start
        p_c, p_o = (float(log_p(side, lambda h: h)) for side in (c, o))
        add = lambda h, a=a: h + a * v  # noqa: E731
        plus = max(p_o - p_c, 1) / n_c * log_p(c, add) - log_p(o, add) / n_o
        minus = max(p_c - p_o, 1) / n_o * log_p(o, null) - log_p(c, null) / n_c
        expected = expected + (softplus(-plus) + softplus(-minus)) / len(questions)  # -log sigmoid, without overflow
        reference.append([p_c, p_o])
    loss = bidirectional_loss(
        llama, questions, v, factors, reference=torch.tensor(reference), site=site, tokens=Tokens(tokens)
    )
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    mine, theirs = (torch.autograd.grad(value, v)[0] for value in (loss, expected))
    torch.testing.assert_close(mine, theirs, rtol=2e-3, atol=1e-5)
    assert any(abs(p_c - p_o) > 1 for p_c, p_o in reference)  # the weights are at work


def test_what_lies_along_the_direction_is_nulled_and_what_lies_against_it_stays():
    edit = NullOut(Site("resid_post", 0), torch.tensor([0.0, 3.0]))
    hidden = torch.tensor([[1.0, 2.0], [1.0, -2.0]])
    assert edit.edit(hidden).tolist() == [[1.0, 0.0], [1.0, -2.0]]


def test_a_seed_decides_the_start_and_the_draws(llama, table):
    data, counts = load_data(table).limit(5), []
    one = extract(llama, data, RePS(epochs=1), progress=counts.append)
    assert one.layers == (1,)
    assert len(one.origin.found["loss"]) == 1
    assert one.norms[1] == pytest.approx(one.origin.found["unit"], rel=0.5)  # one step from where it starts
    assert sum(counts) == len(data)
    assert one.fingerprint == extract(llama, data, RePS(epochs=1)).fingerprint
    assert one.fingerprint != extract(llama, data, RePS(epochs=1, seed=1)).fingerprint


@pytest.mark.parametrize("factors", [[], [0.5, 0], [-1], [float("inf")]])
def test_factors_that_add_nothing_or_the_reverse_are_refused(factors):
    with pytest.raises(ParameterError, match="factors"):
        RePS.make({"factors": factors})
