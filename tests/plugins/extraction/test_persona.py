"""Persona vectors equal a plain program, recover a planted direction, and say what to do without system prompts."""

from dataclasses import replace

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item, SystemPrompts
from steerstack.errors import ExtractionError
from steerstack.steering.vector import cosine
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.persona import PersonaVector

FOR, AGAINST = ("Be kind.", "Help them!"), ("Be cold.", "No help.", "Go.")


def with_prompts(table, n=6):
    return replace(load_data(table).limit(n), prompts=SystemPrompts(FOR, AGAINST))


def by_hand(model, data, length):
    """Greedy answers by transformers, activations by its hidden states, one sequence at a time."""
    tokenizer, layers = model.tokenizer, model.n_layers - 1  # the last hidden state is taken after the final norm
    means = []
    for systems in (FOR, AGAINST):
        total = torch.zeros(layers, model.d_model, dtype=torch.float64)
        for index, item in enumerate(data):
            messages = [
                {"role": "system", "content": systems[index % len(systems)]},
                {"role": "user", "content": item.question},
            ]
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            ids = tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
            answered = model.module.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=length,
                do_sample=False,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=0,
            )
            end = answered.shape[1] - int(answered[0, -1] == tokenizer.eos_token_id)
            with torch.no_grad():
                hidden = model.module(answered[:, :end], output_hidden_states=True).hidden_states
            start = ids.shape[1]
            total += torch.stack([hidden[layer + 1][0, start:].double().mean(0) for layer in range(layers)])
        means.append(total / len(data))
    return means[0] - means[1]


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_it_equals_the_steps_done_by_hand(tiny, architecture, table):
    model, data, counts = tiny(architecture), with_prompts(table), []
    vector = extract(model, data, PersonaVector(temperature=0, max_new_tokens=7), progress=counts.append)
    expected = by_hand(model, data, 7)
    for layer in range(model.n_layers - 1):
        torch.testing.assert_close(vector[layer].double(), expected[layer], rtol=1e-3, atol=1e-4)
    assert vector.layers == (0, 1, 2, 3)
    assert vector.origin.position == "response"
    assert vector.origin.found["kept"] == vector.origin.found["asked"] == 6
    assert sum(counts) == len(data)


def test_a_direction_that_the_system_prompts_switch_is_recovered():
    """Attention averages the values of what came before: only there do the two system prompts enter."""
    module, tokenizer = tiny_model("llama", seed=5), tiny_tokenizer()
    planted = torch.nn.functional.normalize(torch.randn(32, generator=torch.Generator().manual_seed(2)), dim=0)
    block = module.model.layers[0]
    with torch.no_grad():
        module.model.embed_tokens.weight *= 0.1
        for sign, letter in ((1, "P"), (-1, "N")):
            module.model.embed_tokens.weight[tokenizer.encode(letter)[0]] = sign * planted
        block.self_attn.q_proj.weight.zero_()
        block.mlp.down_proj.weight.zero_()
        values = block.self_attn.v_proj(planted * 32**0.5).reshape(2, 8).repeat_interleave(2, 0).flatten()
        expected = block.self_attn.o_proj(values)
    model = open_model(module, tokenizer=tokenizer)
    items = tuple(Item(str(i), f"What of {i}?", ("yes", "no"), 0, 1, form="text") for i in range(12))
    data = DataSet("planted", items, "carries P", "made here", SystemPrompts(("P" * 60,), ("N" * 60,)))
    vector = extract(model, data, PersonaVector(max_new_tokens=8), layers=[0])
    assert cosine(vector[0], expected) >= 0.95
    opposite = replace(data, prompts=SystemPrompts(data.prompts.negative, data.prompts.positive))
    assert cosine(extract(model, opposite, PersonaVector(max_new_tokens=8), layers=[0])[0], expected) <= -0.95


def test_sampling_is_seeded_and_rollouts_are_asked_under_the_next_prompts(llama, table):
    data = with_prompts(table, 3)
    method = PersonaVector(rollouts=2, max_new_tokens=5)
    vector, again = (extract(llama, data, method) for _ in range(2))
    assert vector.fingerprint == again.fingerprint
    assert vector.origin.found["asked"] == 6
    assert vector.fingerprint != extract(llama, data, PersonaVector(rollouts=2, max_new_tokens=5, seed=1)).fingerprint


def test_system_prompts_can_be_given(llama, table):
    data = load_data(table).limit(3)
    one = extract(llama, data, PersonaVector.make({"positive": "Be kind.", "negative": "Be cold.", "temperature": "0"}))
    two = extract(llama, data, PersonaVector(positive=("Be kind.",), negative=("Be cold.",), temperature=0))
    assert one.fingerprint == two.fingerprint


def test_without_system_prompts_it_says_what_to_do(llama, table):
    with pytest.raises(ExtractionError, match="--set positive="):
        extract(llama, load_data(table).limit(3), PersonaVector())


def test_greedy_answers_are_not_repeated(llama, table):
    with pytest.raises(ExtractionError, match="repeat earlier ones"):
        extract(llama, with_prompts(table), PersonaVector(rollouts=4, temperature=0))


def test_the_likelihood_filter_keeps_answers_that_heard_their_prompt(llama, table):
    data = with_prompts(table)
    filtered = extract(llama, data, PersonaVector(filter="likelihood", max_new_tokens=8)).origin.found
    assert 0 < filtered["kept"] <= filtered["answered"]
    same = replace(data, prompts=SystemPrompts(("Be kind.",), ("Be kind.",)))
    with pytest.raises(ExtractionError, match="filter 'likelihood'"):
        extract(llama, same, PersonaVector(filter="likelihood", max_new_tokens=8))
