"""A reply that begins with an open reasoning block is answered after the block."""

import pytest
import torch

from steerstack.data.manner import Manner
from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.data.reasoning import find_block
from steerstack.errors import ModelError
from steerstack.steering.tokens import Tokens
from steerstack.testing.models import tiny_tokenizer

torch.set_num_threads(1)
HEAD = "<|im_start|>assistant\n"
TURNS = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
# as Qwen3's: the template closes the block when it is told so, and opens none otherwise
SWITCH = (
    TURNS + "{% if add_generation_prompt %}" + HEAD + "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)


def opening(text):
    return TURNS + "{% if add_generation_prompt %}" + HEAD + text + "{% endif %}"


def made(source, **manner):
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = source
    return tokenizer, ChatFormat(tokenizer, Manner(**manner))


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("<think>\n", "<think>\n\n</think>\n\n"),
        ("<think>", "<think>\n\n</think>\n\n"),
        ("<think>\n\n", "<think>\n\n</think>\n\n"),
        ("<seed:think>", "<seed:think>\n\n</seed:think>\n\n"),
        ("<reasoning>\n", "<reasoning>\n\n</reasoning>\n\n"),
        ("[THINK]", "[THINK][/THINK]"),
        ("<|START_THINKING|>", "<|START_THINKING|><|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|begin_of_thought|><|end_of_thought|>"),
        ("<|think_start|>", "<|think_start|><|think_end|>"),
    ],
)
def test_an_open_block_is_closed_before_the_answer(opened, closed):
    tokenizer, format = made(opening(opened))
    for sequence in format.answers(Prompt("Well?"), ["Yes.", "No."]):
        assert tokenizer.decode(list(sequence.ids[: sequence.answer_start])).endswith(HEAD + closed)
        begin, end = sequence.think
        assert tokenizer.decode(list(sequence.ids[begin:end])) == closed.rstrip()
        assert Tokens("think").positions(sequence) == tuple(range(begin, end))
        rest = tokenizer.decode([sequence.ids[p] for p in Tokens("answer").positions(sequence)])
        assert rest.strip() in ("Yes.", "No.", closed[-1] + "Yes.", closed[-1] + "No.")
    [label, _] = format.labels(Prompt("Well?", prefix="("), ["A", "B"])
    assert tokenizer.decode(list(label.ids)).endswith(HEAD + closed + "(A")
    assert format.describe()["reasoning"] == "closed"


def test_blocks_that_the_template_closes_are_left_and_marked():
    tokenizer, format = made(SWITCH)
    sequence = format.sequence(Prompt("Well?"))
    assert tokenizer.decode(list(sequence.ids)).endswith(HEAD + "<think>\n\n</think>\n\n")
    assert tokenizer.decode(list(sequence.ids[slice(*sequence.think)])) == "<think>\n\n</think>"


def test_an_argument_of_the_callers_own_comes_first():
    tokenizer, format = made(SWITCH, template={"enable_thinking": True})
    assert tokenizer.decode(list(format.sequence(Prompt("Well?")).ids)).endswith(HEAD)


def test_the_channels_of_gpt_oss_end_in_the_final_one():
    template = (
        "{# <|channel|>final<|message|> #}" + TURNS + "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
    )
    tokenizer, format = made(template)
    assert tokenizer.decode(list(format.sequence(Prompt("Well?")).ids)).endswith(
        "<|start|>assistant<|channel|>final<|message|>"
    )


@pytest.mark.parametrize("template", [opening("<think>\n"), SWITCH])
def test_a_generated_thought_stands_in_the_block(template):
    tokenizer, format = made(template, reasoning="generated")
    prompt = format.unfinished(Prompt("Well?"))
    assert tokenizer.decode(list(prompt.ids)).endswith(HEAD + "<think>\n")
    thought, ended = format.thought(tokenizer("I see.\n</think>", add_special_tokens=False)["input_ids"])
    assert (thought, ended) == ("I see.\n", True)
    assert format.thought(tokenizer("I s", add_special_tokens=False)["input_ids"]) == ("I s", False)
    sequence = format.sequence(Prompt("Well?", thought=thought))
    assert tokenizer.decode(list(sequence.ids)).endswith(HEAD + "<think>\nI see.\n</think>\n\n")
    assert tokenizer.decode(list(sequence.ids[slice(*sequence.think)])) == "<think>\nI see.\n</think>"


def test_a_template_without_a_block_cannot_reason_first():
    _, format = made(opening(""), reasoning="generated")
    with pytest.raises(ModelError, match="opens no reasoning block"):
        format.unfinished(Prompt("Well?"))
    assert find_block("<|im_start|>assistant\n", "") is None


def test_without_a_block_the_answer_begins_at_the_token_that_predicts_it():
    tokenizer, format = made(opening(""))
    [yes, _] = format.answers(Prompt("Well?"), ["Yes.", "No."])
    assert Tokens("think").positions(yes) == ()
    assert tokenizer.decode([yes.ids[p] for p in Tokens("answer").positions(yes)]) == "\nYes."
    [begun, _] = format.labels(Prompt("Well?", prefix="("), ["A", "B"])
    assert tokenizer.decode([begun.ids[p] for p in Tokens("answer").positions(begun)]) == "\n(A"
