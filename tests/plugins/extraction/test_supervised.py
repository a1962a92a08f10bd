"""The supervised direction: on a linear readout its optimum is that of a softmax regression."""

import pytest
import torch
from scipy.optimize import minimize

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item
from steerstack.data.prompts import Prompt
from steerstack.data.questions import ask
from steerstack.steering.vector import cosine
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.supervised import Supervised

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def planted_data(n):
    """A tiny Llama with a linear readout of 62 letters, and answers drawn from it under a planted shift v and under -v."""
    module, tokenizer = tiny_model("llama", seed=3), tiny_tokenizer()
    tokens = [tokenizer.encode(letter)[0] for letter in LETTERS]
    module.model.norm = torch.nn.Identity()
    head = torch.nn.Linear(32, 300)
    module.lm_head = head
    model = open_model(module, tokenizer=tokenizer)
    prompt = torch.tensor([model.format.sequence(Prompt("?")).ids])
    with torch.no_grad():
        head.weight.normal_(0, 0.4, generator=torch.Generator().manual_seed(2))
        even = -(model.module.model(prompt).last_hidden_state[0, -1] @ head.weight.T)
        head.bias.fill_(-30.0)
        head.bias[tokens] = even[tokens]  # without a shift each letter is as likely as any
    generator = torch.Generator().manual_seed(1)
    planted = 4 * torch.nn.functional.normalize(torch.randn(32, generator=generator), dim=0)
    logits = model.module(prompt).logits[0, -1].detach()
    shift = (head.weight @ planted).detach()
    drawn = [torch.multinomial((logits + d * shift)[tokens].softmax(-1), n, True, generator=generator) for d in (1, -1)]
    pairs = [(LETTERS[a], LETTERS[b]) for a, b in zip(*drawn, strict=True) if a != b]
    items = [Item(str(i), "?", pair, 0, 1, form="text") for i, pair in enumerate(pairs)]
    return model, DataSet("letters", tuple(items), "as the shifted model answers", "made here"), planted, logits


def inverted(data):
    return data.take(tuple(item.inverted() for item in data))


def test_the_learned_direction_is_the_optimum_and_flips_with_the_labels():
    model, data, planted, offset = planted_data(700)
    method = Supervised(layer=3, epochs=6, batch=50, learning_rate=0.3, tokens="response")
    direction = extract(model, data, method)[3]

    # at the last block the logits are W (h + v) + b: a softmax regression with fixed offsets
    weight = model.module.lm_head.weight.detach().double()
    targets = torch.tensor([model.tokenizer.encode(item.exhibits_text)[0] for item in data])

    def objective(values):
        v = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        loss = torch.nn.functional.cross_entropy((offset + weight @ v).expand(len(targets), -1), targets)
        return loss.item(), torch.autograd.grad(loss, v)[0].numpy()

    optimum = torch.tensor(minimize(objective, torch.zeros(32).numpy(), jac=True).x).float()
    assert cosine(direction, optimum) >= 0.95
    assert cosine(direction, planted) >= 0.95
    assert cosine(direction, extract(model, inverted(data), method)[3]) < -0.8  # the other answers are drawn anew


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_the_loss_is_the_mean_cross_entropy_of_the_exhibiting_answers(tiny, architecture, table):
    model, data = tiny(architecture), load_data(table).limit(4)
    vector = extract(model, data, Supervised(epochs=4, batch=4, tokens="all"))
    total = count = 0
    for question in ask(model.format, data, "text"):
        text = question.exhibits
        logp = model.module(torch.tensor([text.ids])).logits[0].log_softmax(-1)
        total -= sum(float(logp[p - 1, text.ids[p]]) for p in range(text.answer_start, len(text)))
        count += len(text) - text.answer_start
    record = vector.origin.found
    assert record["loss"][0] == pytest.approx(total / count, rel=1e-4)
    assert record["loss"][-1] < record["loss"][0]
    assert record["loss_by_epoch"] == pytest.approx(record["loss"])
    assert vector.layers == (1,)
    assert torch.equal(vector[1], extract(model, data, Supervised(epochs=4, batch=4, tokens="all"))[1])
