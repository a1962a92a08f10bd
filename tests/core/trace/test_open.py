"""Opening a model: many architectures, checked, frozen, with the tokenizer left alone."""

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from steerstack.errors import ModelError
from steerstack.steering.site import COMPONENTS, Site
from steerstack.testing.models import ARCHITECTURES, LAYERS, WIDTH, tiny_model, tiny_tokenizer
from steerstack.trace.forward import Pass, Start, run
from steerstack.trace.open import open_model

NORMS_AFTER = {"gemma2", "gemma3", "olmo2"}
"""Architectures that normalise what a sublayer gives before adding it."""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sites_hold_what_their_names_say(tiny, architecture):
    model = tiny(architecture)
    assert (model.n_layers, model.d_model) == (LAYERS, WIDTH)
    ids = torch.randint(0, 250, (2, 9), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids, dtype=torch.bool)
    sites = {c: Site(c, 2) for c in COMPONENTS} | {"before": Site("resid_post", 1)}
    outcome = run(
        model, Pass(ids, mask, read={site: lambda h: h for site in sites.values()}, head=lambda h: h.flatten(0, 1))
    )
    read = {name: outcome.read[site] for name, site in sites.items()}
    with torch.no_grad():
        plain = model.module(ids, output_hidden_states=True)
    assert torch.allclose(outcome.logits, plain.logits.flatten(0, 1), atol=1e-5)
    assert torch.equal(read["resid_pre"], read["before"])
    assert torch.allclose(read["resid_post"], plain.hidden_states[3], atol=1e-5)
    if architecture not in NORMS_AFTER:
        total = read["resid_pre"] + read["attn_out"] + read["mlp_out"]
        assert torch.allclose(total, read["resid_post"], atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_pass_can_start_in_the_middle(tiny, architecture):
    model = tiny(architecture)
    ids = torch.randint(0, 250, (2, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids, dtype=torch.bool)
    rows = lambda h: h.flatten(0, 1)  # noqa: E731
    whole = run(model, Pass(ids, mask, read={Site("resid_post", 1): lambda h: h}, head=rows))
    again = run(model, Pass(ids, mask, start=Start(2, whole.read[Site("resid_post", 1)]), head=rows))
    assert torch.equal(whole.logits, again.logits)


def test_parameters_are_frozen_and_the_tokenizer_is_left_alone():
    tokenizer, module = tiny_tokenizer(), tiny_model()
    before = (tokenizer.padding_side, tokenizer.pad_token, len(tokenizer), tokenizer.chat_template)
    open_model(module, tokenizer=tokenizer)
    assert (tokenizer.padding_side, tokenizer.pad_token, len(tokenizer), tokenizer.chat_template) == before
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_the_fingerprint_follows_the_weights():
    one, same, other = (open_model(tiny_model(seed=s), tokenizer=tiny_tokenizer()) for s in (0, 0, 1))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    changed = tiny_model(seed=0)
    with torch.no_grad():
        next(changed.parameters())[0, 0] += 1e-3
    assert open_model(changed, tokenizer=tiny_tokenizer()).fingerprint != one.fingerprint


def test_bfloat16(tiny):
    model = open_model(tiny_model(), tokenizer=tiny_tokenizer(), dtype="bfloat16")
    assert model.dtype == torch.bfloat16


def test_errors_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="could not be loaded"):
        open_model(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="without a tokenizer"):
        open_model(tiny_model())
    with pytest.raises(ModelError, match="no dtype 'float31'"):
        open_model(tiny_model(), tokenizer=tiny_tokenizer(), dtype="float31")
    with pytest.raises(ModelError, match="opened by name"):
        open_model(tiny_model(), tokenizer=tiny_tokenizer(), remote=True)
    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=300)
    bert = BertForMaskedLM(config)
    with pytest.raises(ModelError, match="not a causal language model"):
        open_model(bert, tokenizer=tiny_tokenizer())
