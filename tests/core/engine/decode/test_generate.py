"""Steered generation equals transformers' generate under plain hooks, token for token."""

import pytest
import torch

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.steering.edits import Ablate, Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import ARCHITECTURES, WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model

DIRECTION = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))


def reference(model, prompt, plan, n):
    """``generate`` of transformers, one prompt at a time, with forward hooks."""
    handles = []
    for edit in plan:
        positions = list(edit.tokens.positions(prompt))

        def hook(_module, _args, output, edit=edit, positions=positions):
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            if hidden.shape[1] == len(prompt):
                hidden[:, positions] = edit.edit(hidden[:, positions])
            elif edit.tokens.includes_generated:
                hidden = edit.edit(hidden)
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        handles.append(model.module_at(edit.site).register_forward_hook(hook))
    ids = torch.tensor([prompt.ids])
    tokens = model.module.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=n,
        do_sample=False,
        pad_token_id=0,
        eos_token_id=model.tokenizer.eos_token_id,
    )
    for handle in handles:
        handle.remove()
    return tuple(tokens[0, len(prompt) :].tolist())


PLANS = [
    Plan(),
    Plan((Add(Site("resid_post", 1), DIRECTION, 2.0),)),
    Plan((Add(Site("resid_post", 2), DIRECTION, -1.5, selection=Tokens("all")),)),
    Plan((Ablate(Site("resid_post", 0), DIRECTION, selection=Tokens("last")),)),
    Plan((Add(Site("resid_post", 3), DIRECTION, 3.0, selection=Tokens("prompt")),)),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_equals_plain_hooks_token_for_token(tiny, architecture):
    model = tiny(architecture)
    prompts = [model.format.sequence(Prompt(text)) for text in ("Hi", "What is the matter with you?", "ok")]
    arms = generate(model, prompts, PLANS, Sampling(12))
    for plan, arm in zip(PLANS, arms, strict=True):
        for prompt, tokens in zip(prompts, arm.tokens, strict=True):
            assert tokens == reference(model, prompt, plan, 12)


@pytest.mark.parametrize("arms", [[Plan()], [Plan(), PLANS[3]]], ids=["rows", "side by side"])
def test_rows_that_finish_leave_and_the_rest_go_on(arms):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    prompts = [model.format.sequence(Prompt(text)) for text in ("Hi", "there", "you")]
    plain = generate(model, prompts, arms, Sampling(12))
    stop = plain[0].tokens[0][3]  # ends the first row early
    model.module.generation_config.eos_token_id = stop
    for arm, before in zip(generate(model, prompts, arms, Sampling(12)), plain, strict=True):
        for tokens, whole in zip(arm.tokens, before.tokens, strict=True):
            end = whole.index(stop) + 1 if stop in whole else len(whole)
            assert tokens == whole[:end]


def test_batch_size_does_not_matter_and_sampling_is_seeded(llama):
    prompts = [llama.format.sequence(Prompt(text)) for text in ("Hi", "there you are", "you")]
    one, other = (generate(llama, prompts, PLANS[:2], Sampling(6), batch=n) for n in (1, 8))
    assert [arm.tokens for arm in one] == [arm.tokens for arm in other]
    drawn = [generate(llama, prompts, PLANS[:1], Sampling(6, 1.0, 0.9, seed))[0].tokens for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_positions_are_counted(llama):
    prompt = llama.format.sequence(Prompt("Hi"))
    arm = generate(llama, [prompt], [PLANS[1]], Sampling(5))[0]
    assert arm.edited.positions == len(prompt) - prompt.response_start + len(arm.tokens[0]) - 1
