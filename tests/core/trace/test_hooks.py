"""Loops of one's own: hooks edit what the engine edits, with and without a cache, in padded batches."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.errors import ArgumentError, ModelError, NothingEditedError
from steerstack.steering.edits import Ablate, Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import ARCHITECTURES, WIDTH
from steerstack.testing.naive import naive_logits

DIRECTION = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))
PLANS = {
    "response": Plan((Add(Site("resid_post", 1), DIRECTION, 2.0),)),
    "all": Plan((Add(Site("resid_pre", 2), DIRECTION, -1.5, selection=Tokens("all")),)),
    "prompt": Plan((Ablate(Site("mlp_out", 0), DIRECTION, selection=Tokens("prompt")),)),
    "last and one": Plan(
        (
            Add(Site("attn_out", 0), DIRECTION, selection=Tokens("last")),
            Add(Site("resid_post", 0), DIRECTION, selection=Tokens.at(1)),
        )
    ),
}


def decoded(model, prompts, **settings):
    """What ``generate`` of transformers gives, left-padded."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + list(p.ids) for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    rows = model.module.generate(
        ids, attention_mask=mask, max_new_tokens=6, do_sample=False, pad_token_id=0, eos_token_id=None, **settings
    )
    return [tuple(row[width:].tolist()) for row in rows]


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_loop_of_transformers_gives_what_the_engine_gives(llama, name, use_cache):
    prompts = [llama.format.sequence(Prompt(text)) for text in ("Hi", "What is the matter with you?")]
    with llama.steer(PLANS[name]):
        rows = decoded(llama, prompts, use_cache=use_cache)
    (expected,) = generate(llama, prompts, [PLANS[name]], Sampling(6))
    ends = llama.tokenizer.eos_token_id
    for mine, theirs in zip(rows, expected.tokens, strict=True):
        assert mine[: len(theirs)] == theirs
        assert len(theirs) == 6 or theirs[-1] == ends
    plain = generate(llama, prompts, [Plan()], Sampling(6))[0].tokens
    assert decoded(llama, prompts)[1][: len(plain[1])] == plain[1]  # the hooks are gone


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "falcon", "gemma3", "gpt_neox"])
def test_one_pass_is_the_naive_run(tiny, architecture):
    assert architecture in ARCHITECTURES
    model = tiny(architecture)
    whole = model.format.answers(Prompt("Is it so?", history=(("Hi", "Yes?"),)), ["No, it is not"])[0]
    for plan in PLANS.values():
        with model.steer(plan), torch.no_grad():
            logits = model.module(input_ids=torch.tensor([whole.ids])).logits[0]
        assert torch.allclose(logits, naive_logits(model, whole, plan), atol=1e-5)


def test_a_base_model_is_steered_behind_its_plain_turn(tiny):
    model = tiny("llama", chat=False)
    prompt = model.format.sequence(Prompt("Hi"))
    with model.steer(PLANS["response"]):
        (row,) = decoded(model, [prompt])
    (expected,) = generate(model, [prompt], [PLANS["response"]], Sampling(6))
    assert row[: len(expected.tokens[0])] == expected.tokens[0]


def test_where_the_response_begins_is_never_guessed(llama):
    ids = torch.tensor([list(b"running text")])
    with (
        pytest.raises(ArgumentError, match=r"not found in the tokens(.|\n)*starts="),
        llama.steer(PLANS["response"]),
    ):
        llama.module(ids)
    with llama.steer(PLANS["response"], starts=[(3, 5)]):
        steered = llama.module(ids).logits
    assert torch.equal(steered[:, :3], llama.module(ids).logits[:, :3])
    assert not torch.allclose(steered[:, 3:], llama.module(ids).logits[:, 3:])
    with pytest.raises(ArgumentError, match="without token ids"), llama.steer(PLANS["all"]):
        llama.module(inputs_embeds=torch.randn(1, 3, WIDTH))


def test_what_does_not_fit_is_refused_before_anything_runs(llama):
    with pytest.raises(ModelError, match="does not fit"), llama.steer(Add(Site("resid_post", 1), torch.ones(3))):
        pass
    with pytest.raises(ArgumentError, match=r"vector\.at"), llama.steer("ablate"):
        pass
    with pytest.raises(NothingEditedError), llama.steer(PLANS["response"], starts=[(4, 4)]):
        llama.module(torch.tensor([[1, 2, 3, 4]]))
    with llama.steer(PLANS["response"]):
        pass  # nothing was run
