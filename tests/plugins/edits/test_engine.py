"""The engine runs the edits of plugins as plain hooks do: scores on four architectures, and generated tokens."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steerstack.data.prompts import Prompt
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.engine.score import score
from steerstack.steering.intervention import Plan
from steerstack.steering.site import COMPONENTS, Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import LAYERS, WIDTH
from steerstack.testing.naive import naive_score
from steerstack_plugins.edits.affine import Affine
from steerstack_plugins.edits.gate import Gate
from steerstack_plugins.edits.norm_preserving import NormPreservingAdd
from steerstack_plugins.edits.rotate import Rotate

SELECTIONS = [Tokens("all"), Tokens("prompt"), Tokens("response"), Tokens("last"), Tokens.at(0, 3, -2)]
KINDS = ["norm", "ace", "by", "to", "gate", "gated ablation"]


def edit_of(kind, seed, site, scale, tokens):
    v, other = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(seed))
    match kind:
        case "norm":
            return NormPreservingAdd(site, v, scale, selection=tokens)
        case "ace":
            return Affine(site, v, other, scale / 4, selection=tokens)
        case "by" | "to":
            return Rotate(site, v, other, 60 * scale, kind, selection=tokens)
        case "gate":
            return Gate(site, v, other, scale, 0.15, seed % 2 == 0, selection=tokens)
        case _:
            return Gate(site, v, other, 1.0, 0.05, signed=True, action="ablate", selection=tokens)


@st.composite
def plans(draw):
    some = st.builds(
        edit_of,
        st.sampled_from(KINDS),
        st.integers(0, 10**6),
        st.builds(Site, st.sampled_from(COMPONENTS), st.integers(0, LAYERS - 1)),
        st.floats(-3, 3, width=32),
        st.sampled_from(SELECTIONS),
    )
    return Plan(tuple(draw(st.lists(some, min_size=1, max_size=3))))


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "gemma2", "bloom"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(arms=st.lists(plans(), min_size=1, max_size=3))
def test_random_plans_equal_the_naive_run(tiny, architecture, arms):
    model = tiny(architecture)
    groups = [model.format.answers(Prompt(q), ["yes it is", "no"]) for q in ("Is it so?", "a")]
    for plan, scores in zip(arms, score(model, groups, arms), strict=True):
        for index, group in enumerate(groups):
            for place, sequence in enumerate(group):
                assert scores.tokens[index][place] == pytest.approx(naive_score(model, sequence, plan), abs=1e-3)


def hooked_generate(model, prompt, edit, n):
    """``generate`` of transformers with one forward hook."""

    def hook(_module, _args, output):
        hidden = output.clone()
        if hidden.shape[1] == len(prompt):
            where = list(edit.tokens.positions(prompt))
            hidden[:, where] = edit.edit(hidden[:, where])
        elif edit.tokens.includes_generated:
            hidden = edit.edit(hidden)
        return hidden

    handle = model.module_at(edit.site).register_forward_hook(hook)
    ids = torch.tensor([prompt.ids])
    stop = model.tokenizer.eos_token_id
    options = {"max_new_tokens": n, "do_sample": False, "pad_token_id": 0, "eos_token_id": stop}
    tokens = model.module.generate(ids, attention_mask=torch.ones_like(ids), **options)
    handle.remove()
    return tuple(tokens[0, len(prompt) :].tolist())


@pytest.mark.parametrize("kind", KINDS)
def test_generation_is_that_of_transformers_under_a_hook(llama, kind):
    edits = [
        edit_of(kind, seed, Site("resid_post", layer), scale, tokens)
        for seed, layer, scale, tokens in ((1, 1, 2.0, Tokens("response")), (2, 2, -1.5, Tokens("all")))
    ]
    prompts = [llama.format.sequence(Prompt(text)) for text in ("Hi", "What is the matter with you?")]
    arms = generate(llama, prompts, [Plan((edit,)) for edit in edits], Sampling(8))
    for edit, arm in zip(edits, arms, strict=True):
        assert list(arm.tokens) == [hooked_generate(llama, prompt, edit, 8) for prompt in prompts]
