"""Answers after generated reasoning: each arm reasons under its own plan, and is scored after what it wrote."""

import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.manner import Manner
from steerstack.errors import ModelError
from steerstack.measure import thought
from steerstack.measure.scoring import score_data
from steerstack.measure.thought import ask_after_thought
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import WIDTH, tiny_model, tiny_tokenizer
from steerstack.testing.naive import naive_score
from steerstack.trace.open import open_model

REASONS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@pytest.fixture(scope="module")
def reasoner():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = REASONS
    return open_model(tiny_model("llama"), tokenizer=tokenizer, form="A", reasoning="generated")


def plan(tokens):
    return Plan((Add(Site("resid_post", 1), torch.linspace(-3, 3, WIDTH), 1.0).on(Tokens(tokens)),))


def greedy(model, ids, count, edit=None, start=0):
    """Oracle: ``count`` greedy tokens from whole passes, the edit at every position from ``start`` on."""
    ids = list(ids)

    def steer(_module, _args, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[:, start:] = edit.edit(hidden[:, start:])
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    handle = model.module_at(edit.site).register_forward_hook(steer) if edit else None
    for _ in range(count):
        with torch.no_grad():
            ids.append(int(model.module(torch.tensor([ids])).logits[0, -1].argmax()))
    if handle:
        handle.remove()
    return ids


@pytest.mark.parametrize("tokens", ["think", "answer"])
def test_the_thought_is_what_the_model_writes_under_the_plan(reasoner, table, tokens, monkeypatch):
    monkeypatch.setattr(thought, "MOST", 5)
    data, steered = load_data(table).limit(1), plan(tokens)
    [edit] = steered
    for question in ask_after_thought(reasoner, data, "letter", steered):
        begin, end = question.exhibits.think
        head = list(question.exhibits.ids[:end])
        text = reasoner.tokenizer.decode(head)
        opened = text.index("<think>\n") + len("<think>\n")
        prompt = reasoner.tokenizer(text[:opened], add_special_tokens=False)["input_ids"]
        ids = greedy(reasoner, prompt, 5, edit if tokens == "think" else None, begin)
        thought_text = reasoner.tokenizer.decode(ids[len(prompt) :])
        assert text[opened:].removesuffix("\n</think>") == thought_text.rstrip("\n")


def test_scores_are_those_of_passes_over_thought_and_answer(reasoner, table, monkeypatch):
    monkeypatch.setattr(thought, "MOST", 4)
    data, plans = load_data(table).limit(2), [Plan(), plan("response"), plan("answer")]
    for one, scores in zip(plans, score_data(reasoner, data, "text", plans), strict=True):
        questions = ask_after_thought(reasoner, data, "text", one)
        expected = [[sum(naive_score(reasoner, side, one)) for side in question.pair] for question in questions]
        logps = [[order.logp_exhibits, order.logp_not] for item in scores.items for order in item.asked]
        torch.testing.assert_close(torch.tensor(logps), torch.tensor(expected), atol=1e-3, rtol=1e-4)


def test_a_template_without_a_reasoning_block_is_refused(llama, table):
    with pytest.raises(ModelError, match="opens no reasoning block"):
        score_data(llama.asked(Manner(reasoning="generated")), load_data(table).limit(1), "text", [Plan()])
