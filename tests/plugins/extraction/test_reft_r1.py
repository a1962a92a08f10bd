"""ReFT-r1: the loss is the paper's, and a direction that both marks and makes an answer is recovered."""

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item
from steerstack.data.questions import ask
from steerstack.steering.site import Site
from steerstack.steering.vector import cosine
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.reft_r1 import ReftR1, joint_loss, shared


@pytest.mark.parametrize(("topk", "l1"), [(8, 0.0), (3, 0.5), (1000, 0.5)])
def test_the_loss_and_its_gradient_are_the_papers(llama, table, topk, l1):
    data, site = load_data(table).limit(3), Site("resid_post", 1)
    sequences = [sequence for question in ask(llama.format, data, "text") for sequence in question.pair]
    start = shared(sequences)
    assert llama.tokenizer.decode(sequences[0].ids[:start]) == "<|im_start|>user\nWhat about case "
    w = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(0)), dim=0)
    w.requires_grad_()

    # one sequence at a time, by a hook that computes everything from the block's own output
    nll, count, rest = 0, 0, []
    for sequence in sequences:

        def intervene(_m, _a, out, rest=rest):
            latent = (out[0, start:] @ w).clamp(min=0)
            ordered = latent.sort(descending=True).values
            rest.append(ordered[topk:].sum() / len(latent))
            moved = out[:, start:] + ordered[:topk].mean() * w
            return torch.cat([out[:, :start], moved], 1)

        hook = llama.module.model.layers[1].register_forward_hook(intervene)
        logits = llama.module(torch.tensor([sequence.ids])).logits[0]
        hook.remove()
        targets = torch.tensor(sequence.ids[sequence.answer_start :])
        nll = nll + torch.nn.functional.cross_entropy(logits[sequence.answer_start - 1 : -1], targets, reduction="sum")
        count += len(targets)
    expected = nll / count + l1 * sum(rest) / len(rest)
    loss = joint_loss(llama, sequences, w, site, start=start, topk=topk, l1=l1)
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-6)
    mine, theirs = (torch.autograd.grad(value, w)[0] for value in (loss, expected))
    torch.testing.assert_close(mine, theirs, rtol=2e-3, atol=1e-6)


def marked():
    """A tiny Llama with a direction that capitals carry and that makes capitals likely; small letters the reverse."""
    module, tokenizer = tiny_model("llama", seed=6), tiny_tokenizer()
    planted = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(1)), dim=0)
    with torch.no_grad():
        for block in module.model.layers:
            block.self_attn.o_proj.weight *= 0.02
            block.mlp.down_proj.weight *= 0.02
        for weight, size in ((module.model.embed_tokens.weight, MARK), (module.lm_head.weight, EFFECT)):
            weight *= 0.15
            weight -= torch.outer(weight @ planted, planted)
            weight[[tokenizer.encode(letter)[0] for letter in CAPITALS]] += size * planted
            weight[[tokenizer.encode(letter)[0] for letter in CAPITALS.lower()]] -= size * planted
    return open_model(module, tokenizer=tokenizer), planted


MARK, EFFECT = 0.8, 0.6
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def shouting(n):
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(26, (n, 2, 10), generator=generator).tolist()
    items = []
    for index, (a, b) in enumerate(drawn):
        loud, quiet = "".join(CAPITALS[i] for i in a), "".join(CAPITALS[i] for i in b).lower()
        items.append(Item(str(index), f"{index}?", (loud, quiet), 0, 1, form="text"))
    return DataSet("shouting", tuple(items), "answers in capitals", "made here")


def test_a_planted_direction_is_recovered_and_flips_with_the_labels():
    model, planted = marked()
    data = shouting(24)
    method = ReftR1(layer=2, epochs=6, learning_rate=0.04)
    vector = extract(model, data, method)
    assert cosine(vector[2], planted) >= 0.95
    record = vector.origin.found
    assert record["strength"] == pytest.approx(vector.norms[2], rel=1e-4)
    assert record["strength"] > 5 * record["strength_on_contrast"]
    assert record["loss_by_epoch"][-1] < record["loss_by_epoch"][0]
    inverted = data.take(tuple(item.inverted() for item in data))
    assert cosine(extract(model, inverted, method)[2], planted) <= -0.95


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_it_is_reproducible_on_any_architecture(tiny, architecture, table):
    data, counts = load_data(table).limit(5), []
    model = tiny(architecture)
    one = extract(model, data, ReftR1(epochs=1), progress=counts.append)
    two, other = (extract(model, data, ReftR1(epochs=1, seed=seed)) for seed in (0, 1))
    assert one.layers == (1,)
    assert one.fingerprint == two.fingerprint != other.fingerprint
    assert sum(counts) == len(data)
    assert len(one.origin.found["loss"]) == 1
