"""Shortcuts are taken where they agree with plain passes, left out where they do not, and that is said and recorded."""

import logging
from dataclasses import replace

import pytest
import torch
from torch import nn

from steerstack.data.prompts import Prompt
from steerstack.engine import proof
from steerstack.engine.decode.generate import generate
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.proof import prove
from steerstack.engine.score import score
from steerstack.engine.trial import Trial
from steerstack.errors import ModelError
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import TokenSequence
from steerstack.testing.architectures import small_config, small_model
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_logits, naive_score
from steerstack.trace.open import open_model
from steerstack.trace.paths import EVERY, Paths

STATELESS = frozenset({"rows", "padding", "midway"})


def opened(name, **fields):
    config = small_config(name)
    for field, value in fields.items():
        setattr(config, field, value)
    return open_model(small_model(config), tokenizer=tiny_tokenizer())


def test_a_plain_transformer_takes_every_shortcut():
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    assert model.paths_taken is None
    assert prove(model) == Paths(EVERY)
    assert model.paths_taken == {"used": [*Paths(EVERY).to_json()["used"]], "off": {}}


def test_what_a_convolution_would_get_wrong_is_left_out_and_said_once(caplog, monkeypatch):
    monkeypatch.setattr(proof, "_KNOWN", {})
    first, again = opened("lfm2"), opened("lfm2")
    with caplog.at_level(logging.WARNING, "steerstack"):
        assert prove(first).used == prove(again).used == STATELESS
    (message,) = (record.getMessage() for record in caplog.records if record.name == "steerstack")
    assert "tree (off by" in message
    assert "cache (cannot run)" in message
    assert first.paths_taken["off"]["tree"] > 0.01
    assert first.paths_taken["off"]["cache"] is None


def test_the_verdict_is_kept_by_fingerprint(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path))
    tried, compare = [], proof._compare
    monkeypatch.setattr(proof, "_compare", lambda model: tried.append(model.fingerprint) or compare(model))
    monkeypatch.setattr(proof, "_KNOWN", {})
    one, again = opened("lfm2"), opened("lfm2")
    first = prove(one)
    proof._KNOWN.clear()
    assert prove(again) == first  # read from the user's cache
    other = open_model(small_model(small_config("lfm2"), seed=1), tokenizer=tiny_tokenizer())
    prove(other)
    assert tried == [one.fingerprint, other.fingerprint]


@pytest.mark.parametrize(
    ("architecture", "window"),
    [
        ("mistral", {"sliding_window": 100}),
        ("gpt_oss", {"sliding_window": 100}),
        ("llama4_text", {"attention_chunk_size": 100}),
    ],
)
def test_a_long_window_is_narrowed_for_the_trial_and_comes_back(architecture, window):
    model = opened(architecture, **window)
    trial = prove(model)
    assert (trial.used, trial.reach) == (EVERY, 100)
    assert trial.beyond >= STATELESS
    assert "tree" not in trial.beyond
    assert {name: getattr(model.config, name) for name in window} == window
    groups = [model.format.answers(Prompt("Is it? " * 12), ["It is the best!", "No"]) for _ in range(2)]
    assert len(groups[0][0]) > 100
    plan = Plan((Add(Site("resid_post", 0), torch.ones(model.d_model)),))
    for arm, scores in zip([Plan(), plan], score(model, groups, [Plan(), plan]), strict=True):
        for slot, sequence in enumerate(groups[0]):
            assert scores.tokens[0][slot] == pytest.approx(naive_score(model, sequence, arm), abs=1e-4)


@pytest.mark.parametrize("architecture", ["lfm2", "mamba", "rwkv", "mpt", "openai-gpt"])
def test_decoding_is_what_passes_over_the_whole_text_give(architecture):
    model = opened(architecture)
    prompts = [model.format.sequence(Prompt(text)) for text in ("Hi", "What is it?")]
    arms = [Plan(), Plan((Add(Site("resid_post", 1), torch.ones(model.d_model)),))]
    for arm, reply in zip(arms, generate(model, prompts, arms, Sampling(3)), strict=True):
        for prompt, tokens in zip(prompts, reply.tokens, strict=True):
            text = prompt
            for token in tokens:
                assert int(naive_logits(model, text, arm)[-1].argmax()) == token
                text = TokenSequence((*text.ids, token), text.response_start, text.answer_start)


def test_a_model_that_reads_its_batch_is_run_one_sequence_at_a_time():
    class Mixed(nn.Module):
        """A feed-forward sublayer that lets the rows of a pass read one another."""

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, hidden, *args, **kwargs):
            return self.inner(hidden, *args, **kwargs) + hidden.mean(0, keepdim=True)

    module = tiny_model("llama")
    module.model.layers[1].mlp = Mixed(module.model.layers[1].mlp)
    model = open_model(module, tokenizer=tiny_tokenizer())
    assert "rows" not in prove(model).used
    assert prove(model).off["rows"] > 0.01
    groups = [model.format.answers(Prompt(text), ["yes", "not so"]) for text in ("a", "bcd?")]
    scores = score(model, groups, [Plan()])[0]
    for group, sequences in enumerate(groups):
        for slot, sequence in enumerate(sequences):
            assert scores.tokens[group][slot] == pytest.approx(naive_score(model, sequence, Plan()), abs=1e-4)


def test_if_even_the_slowest_path_differs_the_model_is_refused(monkeypatch):
    model = opened("llama")
    monkeypatch.setattr(proof, "_KNOWN", {})
    monkeypatch.setattr(Trial, "off_by", lambda *_: 0.5)
    with pytest.raises(ModelError, match="not the model's own"):
        proof._compare(model)


def test_plain_passes_of_the_opening_are_not_made_again_unless_the_weights_were_changed():
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    assert Trial.of(model).recalled
    with torch.no_grad():
        model.module.lm_head.weight *= 2
    assert Trial.of(model).off_by(EVERY) > 0.01
    assert proof._compare(model) == Paths(EVERY)


def test_what_float32_does_to_unlikely_tokens_counts_as_rounding(monkeypatch):
    monkeypatch.setattr("steerstack.engine.trial.NOISE", 0.0)  # what jitter does counts for nothing
    trial = Trial.of(open_model(tiny_model("llama"), tokenizer=tiny_tokenizer()))
    assert not trial.explains(1e-4)
    unlikely = replace(trial, plain={key: [value - 22.0 for value in values] for key, values in trial.plain.items()})
    assert unlikely.explains(1e-4)
    assert not unlikely.explains(1e-3)


def test_half_precision_is_not_taken_for_disagreement():
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer(), dtype="bfloat16")
    assert prove(model).used == EVERY
