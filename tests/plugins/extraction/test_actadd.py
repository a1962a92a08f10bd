"""ActAdd: the difference of two prompts by plain hooks, and where its rows are added."""

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.errors import DegenerateDirectionError, ParameterError, SiteError
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens, TokenSequence
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.actadd import ActAdd, AlignedAdd

PAIR = {"positive": "Love", "negative": "Hatred"}


@pytest.fixture
def data(table):
    return load_data(table).limit(3)


@torch.no_grad()
def entering(model, ids):
    """What enters each block, by plain hooks: [layer, position, width]."""
    states = []
    hooks = [
        model.module_at(Site("resid_pre", layer)).register_forward_pre_hook(
            lambda _m, args, kwargs: states.append((args[0] if args else kwargs["hidden_states"])[0]), with_kwargs=True
        )
        for layer in range(model.n_layers)
    ]
    model.module(torch.tensor([ids]))
    for hook in hooks:
        hook.remove()
    return torch.stack(states)


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "bloom", "opt", "gemma2"])
def test_is_the_difference_of_the_padded_prompts(tiny, data, architecture):
    model = tiny(architecture)
    vector = extract(model, data, ActAdd(**PAIR))
    ids = [model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("Love  ", "Hatred")]
    assert [len(row) for row in ids] == [6, 6]  # every byte is a token
    expected = entering(model, ids[0]) - entering(model, ids[1])
    assert vector.component == "resid_pre"
    assert vector.edit == "aligned-add"
    for layer in range(model.n_layers):
        assert torch.allclose(vector.part("aligned", layer), expected[layer], atol=1e-4)
        assert torch.allclose(vector[layer], expected[layer].sum(0), atol=1e-4)


def test_the_sign_flips_with_the_prompts(llama, data):
    one = extract(llama, data, ActAdd(**PAIR))
    other = extract(llama, data, ActAdd(positive=PAIR["negative"], negative=PAIR["positive"]))
    assert all(torch.allclose(one[layer], -other[layer], atol=1e-5) for layer in one.layers)


@torch.no_grad()
def added_by_hand(model, sequence, layer, rows, scale):
    def hook(_module, args, kwargs):
        hidden = (args[0] if args else kwargs["hidden_states"]).clone()
        hidden[:, : len(rows)] += scale * rows
        return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, "hidden_states": hidden})

    handle = model.module_at(Site("resid_pre", layer)).register_forward_pre_hook(hook, with_kwargs=True)
    logits = model.module(torch.tensor([sequence.ids])).logits[0]
    handle.remove()
    logp = logits.log_softmax(-1)
    return [float(logp[p - 1, sequence.ids[p]]) for p in range(sequence.answer_start, len(sequence))]


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_rows_are_added_at_the_first_positions(tiny, data, architecture):
    model = tiny(architecture)
    vector = extract(model, data, ActAdd(**PAIR))
    sequence = TokenSequence(tuple(range(5, 25)), 8, 15)
    for tokens in (None, Tokens("last")):  # the selection is the method's own
        plan = apply(vector, 1, 5.0, tokens=tokens)
        assert len(plan) == 6
        expected = added_by_hand(model, sequence, 1, vector.part("aligned", 1), 5.0)
        assert naive_score(model, sequence, plan) == pytest.approx(expected, abs=1e-4)


def test_an_offset_moves_the_rows(llama, data):
    vector = extract(llama, data, ActAdd(**PAIR))
    plan = AlignedAdd(offset=3).plan(vector, 0, 1.0, Tokens("response"))
    assert [str(edit.tokens) for edit in plan] == ["3", "4", "5", "6", "7", "8"]


def test_a_prompt_shorter_than_the_rows_is_refused(llama, data):
    plan = Plan(apply(extract(llama, data, ActAdd(**PAIR)), 0, 1.0).edits[-1:])
    with pytest.raises(SiteError, match="out of range"):
        naive_score(llama, TokenSequence((5, 6, 7, 8), 1, 3), plan)


def test_opens_as_the_models_own_prompts_open(data):
    tokenizer = tiny_tokenizer()
    tokenizer.bos_token = "<|im_start|>"  # with which its chat template begins
    model = open_model(tiny_model(), tokenizer=tokenizer)
    vector = extract(model, data, ActAdd(**PAIR))
    assert [row[0] for row in vector.origin.found["tokens"]] == ["<|im_start|>"] * 2
    assert not vector.part("aligned", 2)[0].any()
    plan = apply(vector, 2, 1.0)
    assert [str(edit.tokens) for edit in plan] == ["1", "2", "3", "4", "5", "6"]


def test_a_random_null_keeps_the_norm_of_each_row(llama, data):
    vector = extract(llama, data, ActAdd(**PAIR))
    null = random_like(vector, 0)
    assert torch.allclose(null.part("aligned", 1).norm(dim=-1), vector.part("aligned", 1).norm(dim=-1), rtol=1e-4)
    assert len(apply(null, 1, 1.0)) == 6


def test_is_saved_with_its_rows(llama, data, tmp_path):
    vector = extract(llama, data, ActAdd(**PAIR))
    vector.save(tmp_path / "v.safetensors")
    assert SteeringVector.load(tmp_path / "v.safetensors").fingerprint == vector.fingerprint


def test_prompts_that_are_the_same_are_refused(llama, data):
    with pytest.raises(DegenerateDirectionError, match="the same"):
        extract(llama, data, ActAdd(positive="Love", negative="Love "))


def test_both_prompts_are_needed():
    with pytest.raises(ParameterError, match="needs the parameter 'negative'"):
        ActAdd.make({"positive": "Love"})
