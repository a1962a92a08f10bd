"""BiPO: the loss is the paper's, and on a linear readout the optimum is that of a logistic regression."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item
from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import cosine
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.bipo import BiPO, preference_loss

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def linear_readout():
    """A tiny Llama whose logits are linear in what its last block puts out."""
    module = tiny_model("llama", seed=3)
    module.model.norm = torch.nn.Identity()
    return open_model(module, tokenizer=tiny_tokenizer())


def one_token_items(model, planted, n, *, noise):
    """Pairs of letters: the one that the planted direction favours exhibits, but for some noise."""
    generator = torch.Generator().manual_seed(0)
    rows = {letter: model.module.lm_head.weight[model.tokenizer.encode(letter)[0]] for letter in LETTERS}
    items = []
    for index in range(n):
        a, b = (LETTERS[i] for i in torch.randperm(len(LETTERS), generator=generator)[:2])
        favoured = (rows[a] - rows[b]) @ planted + noise * torch.randn((), generator=generator) > 0
        options = (a, b) if favoured else (b, a)
        items.append(Item(str(index), "?", options, 0, 1, form="text"))
    return DataSet("letters", tuple(items), "names the favoured letter", "made here")


def inverted(data):
    return data.take(tuple(item.inverted() for item in data))


def test_the_learned_direction_is_the_optimum_and_the_planted_one():
    model = linear_readout()
    planted = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(1)), dim=0)
    data = one_token_items(model, planted, 400, noise=0.05)
    method = BiPO(layer=3, beta=1.0, batch=50, epochs=12, learning_rate=0.8, tokens="response")
    direction = extract(model, data, method)[3]

    # at the last block log pi(T) - log pi(O) moves by (w_T - w_O) . v whatever the prompt: a logistic
    # regression without intercept, the same for d = 1 and d = -1
    token = {letter: model.tokenizer.encode(letter)[0] for letter in LETTERS}
    weight = model.module.lm_head.weight.double()
    features = torch.stack([weight[token[i.exhibits_text]] - weight[token[i.contrast_text]] for i in data]).numpy()

    def loss(v):
        margin = features @ v
        return np.logaddexp(0, -margin).mean(), -(features.T @ (1 / (1 + np.exp(margin)))) / len(margin)

    optimum = torch.tensor(minimize(loss, np.zeros(32), jac=True).x).float()
    assert cosine(direction, optimum) >= 0.95
    assert cosine(optimum, planted) >= 0.95
    assert cosine(direction, planted) >= 0.95


@pytest.mark.parametrize("tokens", ["all", "response"])
@pytest.mark.parametrize("d", [-1, 1])
def test_the_loss_and_its_gradient_are_the_papers(llama, table, d, tokens):
    data, beta, site = load_data(table).limit(2), 0.3, Site("resid_post", 1)
    questions = ask(llama.format, data, "text")
    v = (torch.randn(32, generator=torch.Generator().manual_seed(0)) * 0.3).requires_grad_()

    def log_pi(sequence, shift):
        first = 0 if tokens == "all" else sequence.response_start
        mask = (torch.arange(len(sequence)) >= first).float()[:, None]
        hook = llama.module.model.layers[1].register_forward_hook(lambda _m, _a, out: out + mask * shift)
        logp = llama.module(torch.tensor([sequence.ids])).logits[0].log_softmax(-1)
        hook.remove()
        return sum(logp[p - 1, sequence.ids[p]] for p in range(sequence.answer_start, len(sequence)))

    expected, reference = 0, []
    for question in questions:
        base = [log_pi(sequence, torch.zeros(32)).detach() for sequence in question.pair]
        moved = [log_pi(sequence, d * v) for sequence in question.pair]
        ratio = (moved[0] - base[0]) - (moved[1] - base[1])
        expected = expected - torch.log(1 / (1 + torch.exp(-d * beta * ratio))) / len(questions)
        reference.append(base)
    loss = preference_loss(
        llama, questions, v, d, beta=beta, reference=torch.tensor(reference), site=site, tokens=Tokens(tokens)
    )
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-6)
    mine, theirs = (torch.autograd.grad(value, v)[0] for value in (loss, expected))
    torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_the_direction_flips_with_the_labels_and_is_reproducible(tiny, architecture, table):
    model, data = tiny(architecture), load_data(table).limit(8)
    counts = []
    method = BiPO(epochs=2, learning_rate=1e-2)
    vector = extract(model, data, method, progress=counts.append)
    assert vector.layers == (1,)
    assert sum(counts) == len(data)
    record = vector.origin.found
    assert len(record["loss"]) == 4
    assert record["loss"][0] == pytest.approx(math.log(2), abs=1e-4)  # at v = 0
    assert len(record["loss_by_epoch"]) == 2
    again, other = (extract(model, data, BiPO(epochs=2, learning_rate=1e-2, seed=seed)) for seed in (0, 1))
    assert torch.equal(vector[1], again[1])
    assert not torch.equal(vector[1], other[1])
    flipped = extract(model, inverted(data), method)
    assert cosine(vector[1], flipped[1]) < -0.95


def test_training_lowers_the_loss(llama, table):
    vector = extract(llama, load_data(table), BiPO(epochs=4, learning_rate=1e-2, layer=2, beta=1.0))
    first, *_, last = vector.origin.found["loss_by_epoch"]
    assert last < first


@pytest.mark.smollm2
@pytest.mark.xdist_group("smollm2")
def test_on_the_real_model_it_moves_the_preference_both_ways(smollm2):
    """Trained for three steps, the direction favours the exhibiting answers when added, the others when subtracted."""
    data = load_data("truthfulness").limit(6)
    vector = extract(smollm2, data, BiPO(epochs=1, batch=2, learning_rate=2e-2))
    assert vector.layers == (14,)
    arms = [apply(vector, 14, scale, tokens=Tokens("all")) for scale in (-1.0, 0.0, 1.0)]
    scores = score(smollm2, [question.pair for question in ask(smollm2.format, data, "text")], arms)
    margins = [sum(s.total(index, 0) - s.total(index, 1) for index in range(len(data))) / len(data) for s in scores]
    assert margins[0] < margins[1] < margins[2]
