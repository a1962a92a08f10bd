"""Portability, against a tiny GPT-2 that is folded and centred here, weight by weight."""

import pytest
import torch
from torch import nn

from steerstack.errors import VectorError
from steerstack.exchange.folded_basis import Folding, centred, mean_share, portability
from steerstack.steering.edits import Ablate, Add, Clamp, Project
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model

IDS = torch.tensor([[5, 9, 2, 77, 130, 8]])


def uneven_gpt2():
    """A tiny GPT-2 whose norms have gains and shifts."""
    module = tiny_model("gpt2")
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for norm in (m for m in module.modules() if isinstance(m, nn.LayerNorm)):
            norm.weight.copy_(1 + 0.3 * torch.randn(WIDTH, generator=generator))
            norm.bias.copy_(0.3 * torch.randn(WIDTH, generator=generator))
    return module


@torch.no_grad()
def fold(module):
    """The same model, with gains and shifts in the maps that read a norm and without means in those that write."""
    folded = uneven_gpt2()
    head = nn.Linear(WIDTH, folded.config.vocab_size)
    final = folded.transformer.ln_f
    head.weight.copy_(folded.lm_head.weight * final.weight)
    head.bias.copy_(folded.lm_head.weight @ final.bias)
    folded.lm_head = head
    for embedding in (folded.transformer.wte, folded.transformer.wpe):
        embedding.weight = nn.Parameter(embedding.weight - embedding.weight.mean(-1, keepdim=True))
    for block in folded.transformer.h:
        for norm, reader in ((block.ln_1, block.attn.c_attn), (block.ln_2, block.mlp.c_fc)):
            reader.bias.add_(norm.bias @ reader.weight)  # x @ weight + bias, weight [in, out]
            reader.weight.mul_(norm.weight[:, None])
        for writer in (block.attn.c_proj, block.mlp.c_proj):
            writer.weight.sub_(writer.weight.mean(-1, keepdim=True))
            writer.bias.sub_(writer.bias.mean())
    for norm in (m for m in folded.modules() if isinstance(m, nn.LayerNorm)):
        norm.weight.fill_(1)
        norm.bias.fill_(0)
    return folded.eval()


@torch.no_grad()
def steered(module, edit):
    """Log-probabilities with the edit at the output of block 1."""
    handle = module.transformer.h[1].register_forward_hook(
        lambda _m, _a, out: (edit.edit(out[0]), *out[1:]) if isinstance(out, tuple) else edit.edit(out)
    )
    logits = module(IDS).logits
    handle.remove()
    return logits.log_softmax(-1)


def gap(edit):
    raw = uneven_gpt2()
    return float((steered(raw, edit) - steered(fold(raw), edit)).abs().max())


@pytest.fixture(scope="module")
def direction():
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(3)) + 0.5


SITE = Site("resid_post", 1)


def test_adding_is_portable_as_it_stands(direction):
    assert gap(Add(SITE, direction, 3.0)) < 1e-4


@pytest.mark.parametrize("edit", [Ablate, Project])
def test_other_edits_are_portable_only_if_the_direction_is_free_of_its_mean(direction, edit):
    assert gap(edit(SITE, direction)) > 1e-2
    assert gap(edit(SITE, direction - direction.mean())) < 1e-4


def test_any_edit_is_told_portable_or_not_by_trying_it(direction):
    """Against the model folded by hand: what is said to be portable is, and what is not differs."""
    free, mean = direction - direction.mean(), torch.linspace(-1, 2, WIDTH)
    folding = Folding.of(uneven_gpt2())
    edits = [
        Add(SITE, direction, 3.0),
        Add(SITE, direction, 0.5, relative=True),
        Ablate(SITE, kind="zero", strength=0.5),
        Ablate(SITE, kind="mean", reference=mean),
        Ablate(SITE, free, kind="mean", reference=mean),
        Ablate(SITE, direction, kind="mean", reference=mean),
        Ablate(SITE, direction, reader=free / (free @ direction)),
        Clamp(SITE, free, 2.0, 2.0),
        Clamp(SITE, direction, 2.0, 2.0),
    ]
    verdicts = [bool(folding.differs(Plan((edit,)))) for edit in edits]
    assert verdicts == [False, True, False, False, False, True, False, False, True]
    for edit, differs in zip(edits, verdicts, strict=True):
        assert (gap(edit) > 1e-3) == differs, edit


def test_heads_lose_value_biases(direction):
    at_heads = Site("head_out", 1)
    gpt2, llama = Folding.of(uneven_gpt2()), Folding.of(tiny_model("llama"))
    assert gpt2.differs(Plan((Add(at_heads, direction),))) == []
    (reason,) = gpt2.differs(Plan((Ablate(at_heads, direction - direction.mean()),)))
    assert "value biases" in reason
    assert llama.differs(Plan((Ablate(at_heads, direction),))) == []


def test_it_says_so(direction, tiny):
    gpt2 = open_model(uneven_gpt2(), tokenizer=tiny_tokenizer())
    added = SteeringVector({1: direction})
    ablated = SteeringVector({1: direction}, edit="ablate")
    assert "adding is portable as it stands" in portability(added, gpt2)
    assert "ablate is not portable" in portability(ablated, gpt2)
    assert "ablate is portable" in portability(centred(ablated), gpt2)
    assert "RMSNorm" in portability(ablated, tiny("llama"))
    assert "ablate is portable as it stands" in portability(ablated, tiny("llama"))
    assert "which is not" in portability(SteeringVector({1: direction}, "head_out", edit="ablate"), gpt2)


def test_centring(direction):
    assert mean_share(torch.ones(8)) == pytest.approx(1)
    assert mean_share(centred(SteeringVector({0: direction}))[0]) < 1e-6
    with pytest.raises(VectorError, match="centred"):
        centred(SteeringVector({0: direction}, parts={"mean": {0: direction}}))
