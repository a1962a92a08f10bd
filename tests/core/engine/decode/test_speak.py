"""Text in, text out: what transformers gives under a plain forward hook, token for token."""

import pytest
import torch

import steerstack
from steerstack.data.prompts import Prompt
from steerstack.engine.decode.sampling import Sampling
from steerstack.engine.decode.speak import speak
from steerstack.errors import ArgumentError
from steerstack.steering.intervention import Plan
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import WIDTH

VECTOR = SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))})
PROMPTS = ["Hi", "What is the matter with you?"]


def by_hand(model, prompt, scale, n):
    """The answer of ``generate`` of transformers, with a hook that adds the vector after the user's turn."""
    text = model.tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
    )
    ids = model.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    turn = model.tokenizer.apply_chat_template([{"role": "user", "content": prompt}], tokenize=False)
    start = len(model.tokenizer(turn, add_special_tokens=False)["input_ids"])

    def hook(_block, _args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        if hidden.shape[1] > 1:
            hidden[:, start:] += scale * VECTOR[1]
        else:
            hidden += scale * VECTOR[1]

    handle = model.module.model.layers[1].register_forward_hook(hook)
    tokens = model.module.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, do_sample=False, pad_token_id=0,
        eos_token_id=model.tokenizer.eos_token_id,
    )  # fmt: skip
    handle.remove()
    return model.tokenizer.decode(tokens[0, ids.shape[1] :], skip_special_tokens=True)


def test_a_text_is_that_of_transformers_under_a_plain_hook(llama):
    plans = [None, VECTOR.at(1, 2.0), VECTOR.at(1, -1.0)]
    texts = steerstack.generate(llama, PROMPTS, plans, max_new_tokens=12)
    assert texts == [[by_hand(llama, prompt, scale, 12) for scale in (0, 2.0, -1.0)] for prompt in PROMPTS]
    assert texts[0][0] != texts[0][1]
    assert llama.generate("Hi", plans[1], max_new_tokens=12) == texts[0][1]
    assert llama.generate("Hi", plans[1].edits[0], max_new_tokens=12) == texts[0][1]


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_what_is_streamed_is_what_is_given(llama, temperature):
    pieces = {}
    plans, prompts = [Plan(), VECTOR.at(1)], [Prompt(text) for text in PROMPTS]
    replies = speak(
        llama,
        prompts,
        plans,
        Sampling(20, temperature),
        heard=lambda *told: pieces.setdefault(told[:2], []).append(told[2]),
    )
    for index, row in enumerate(replies):
        for place, reply in enumerate(row):
            assert "".join(pieces[place, index]) == reply.text
            assert len(pieces[place, index]) > 3  # piece by piece, not at once


def test_drawn_answers_do_not_depend_on_what_they_are_compared_with(llama):
    def drawn(plans, seed=0):
        return steerstack.generate(llama, ["Hi"], plans, temperature=1.2, seed=seed, max_new_tokens=10)[0]

    alone, beside = drawn([VECTOR.at(1)]), drawn([None, VECTOR.at(1), None])
    assert alone[0] == beside[1]
    assert beside[0] == beside[2] != drawn([None], seed=1)[0]


def test_edited_positions_are_counted_by_prompt(llama):
    (short,), (long,) = speak(llama, [Prompt(text) for text in PROMPTS], [VECTOR.at(1).edits[0].on(Tokens("all")) >> Plan()],
                              Sampling(4))  # fmt: skip
    sizes = [len(llama.format.sequence(Prompt(text))) for text in PROMPTS]
    assert [short.edited_positions, long.edited_positions] == [
        size + len(reply.tokens) - 1 for size, reply in zip(sizes, (short, long), strict=True)
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: steerstack.generate(m, "Hi", [None]), r"one text, not a list(.|\n)*\[text\]"),
        (lambda m: steerstack.generate(m, ["Hi"], VECTOR.at(1)), r"not a list of plans(.|\n)*\[plan\]"),
        (lambda m: steerstack.generate(m, ["Hi"], [VECTOR]), r"vector.at\(layer, scale\)"),
        (lambda m: steerstack.generate(m, [], [None]), "no prompt"),
        (lambda m: steerstack.generate(m, [" "], [None]), "empty"),
        (lambda m: steerstack.generate(m, [3], [None]), "A int is no prompt"),
        (lambda m: m.generate("Hi", VECTOR), r"vector.at\(layer, scale\)"),
        (lambda m: m.generate("Hi", temperature=-1), "temperature is -1"),
        (lambda m: m.generate("Hi", max_new_tokens=0), "max_new_tokens is 0"),
        (lambda m: m.generate("Hi", top_p=0.0), "top_p is 0"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_what_to_do(llama, call, message):
    with pytest.raises(ArgumentError, match=message):
        call(llama)
