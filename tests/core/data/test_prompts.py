"""Prompts are rendered in the model's own format, and the parts of a sequence are where they are said to be."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.errors import DataError, ModelError, SteerstackError
from steerstack.testing.models import tiny_tokenizer

torch.set_num_threads(1)
NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>model\n{% endif %}"
)
# as in CAA's Llama 2: nothing stands between the user's turn and the answer
INST = "{% for m in messages %}[INST] {{ m['content'] }} [/INST]{% endfor %}"
words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=20)


def chat(template=None, more=()):
    tokenizer = tiny_tokenizer()
    if template:
        tokenizer.chat_template = template
    tokenizer.add_tokens(list(more))
    return tokenizer, ChatFormat(tokenizer)


def plain():
    tokenizer = tiny_tokenizer(chat=False)
    return tokenizer, ChatFormat(tokenizer)


def parts(tokenizer, sequence):
    """The text of the prompt, of what stands before the answer, and of the answer."""
    r, a = sequence.response_start, sequence.answer_start
    return tuple(tokenizer.decode(list(ids)) for ids in (sequence.ids[:r], sequence.ids[r:a], sequence.ids[a:]))


def test_a_chat_prompt_and_its_parts():
    tokenizer, format = chat()
    assert parts(tokenizer, format.sequence(Prompt("Hello?", "Be kind.", "("))) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHello?<|im_end|>\n",
        "<|im_start|>assistant\n(",
        "",
    )


def test_a_plain_prompt_and_its_parts():
    tokenizer, format = plain()
    assert parts(tokenizer, format.sequence(Prompt("Hello?", "Be kind.", "("))) == (
        "Be kind.\n\nHuman: Hello?", "\n\nAssistant: (", "",
    )  # fmt: skip
    assert parts(tokenizer, format.sequence(Prompt("Hello?"))) == ("Human: Hello?", "\n\nAssistant:", "")


def test_a_template_without_a_system_role_puts_it_before_the_question():
    tokenizer, format = chat(NO_SYSTEM)
    assert parts(tokenizer, format.sequence(Prompt("Hello?", "Be kind."))) == (
        "<|im_start|>user\nBe kind.\n\nHello?<|im_end|>\n", "<|im_start|>model\n", "",
    )  # fmt: skip


def test_a_template_that_puts_nothing_before_the_answer_gives_the_last_token_of_the_turn():
    tokenizer, format = chat(INST)
    sequence = format.sequence(Prompt("Hello?"))
    assert parts(tokenizer, sequence) == ("[INST] Hello? [/INST", "]", "")
    answered = format.answers(Prompt("Hello?"), [" Yes", " Maybe"])[0]
    assert (answered.response_start, answered.answer_start) == (len(sequence) - 1, len(sequence))


def test_a_template_that_always_fails_is_a_model_error():
    _, format = chat("{{ raise_exception('broken for good') }}")
    with pytest.raises(SteerstackError, match="broken for good"):
        format.sequence(Prompt("Hello?"))


def test_a_failing_template_never_shows_the_word_none():
    _, format = chat("{% if messages | length == 1 and 'None' not in messages[0]['content'] %}"
                     "{{ raise_exception('a system prompt is needed') }}{% endif %}x")  # fmt: skip
    with pytest.raises(SteerstackError):
        format.sequence(Prompt("Hello?"))


@settings(deadline=None, max_examples=40)
@given(words, words | st.none(), words)
def test_parts_of_any_answered_prompt(user, system, answer):
    for tokenizer, format in (chat(), plain()):
        sequences = format.answers(Prompt(user, system), [answer, "§ another"])
        before, header, remainder = parts(tokenizer, sequences[0])
        joint = "" if format.chat else " "
        assert before.rstrip().endswith(user + ("<|im_end|>" if format.chat else ""))
        assert header.strip().removeprefix("<|im_start|>").rstrip(":").lower() == "assistant"
        assert (header + remainder).endswith(joint + answer)
        assert system is None or system in before


@pytest.mark.parametrize("make", [chat, plain])
def test_answers_share_their_prompt(make):
    tokenizer, format = make()
    prompt = Prompt("Which?", "Be kind.")
    one, other = format.answers(prompt, ["The red one.", "The blue one."])
    bare = format.sequence(prompt)
    assert one.answer_start == other.answer_start == len(bare)
    assert one.response_start == other.response_start == bare.response_start
    assert one.ids[: len(bare)] == other.ids[: len(bare)] == bare.ids
    assert [parts(tokenizer, s)[2].strip() for s in (one, other)] == ["The red one.", "The blue one."]


def test_a_token_that_merges_the_prompt_with_an_answer_counts_as_answer():
    tokenizer, format = chat(more=["\nHi"])
    one, other = format.answers(Prompt("Well?"), ["Hi there", "Bye"])
    assert one.answer_start == other.answer_start == len(format.sequence(Prompt("Well?"))) - 1
    assert parts(tokenizer, one)[2] == "\nHi there"
    assert parts(tokenizer, other)[2] == "\nBye"


def test_an_answer_without_text_is_refused():
    _, format = chat()
    with pytest.raises(DataError, match="adds no token"):
        format.answers(Prompt("Well?"), ["Hi", ""])


@pytest.mark.parametrize("make", [chat, plain])
@pytest.mark.parametrize(("prefix", "labels"), [("(", ["A", "B"]), ("", ["Yes", "No"])])
def test_labels_are_one_token_after_the_prompt(make, prefix, labels):
    tokenizer, format = make()
    prompt = Prompt("Which?", None, prefix)
    bare, sequences = format.sequence(prompt), format.labels(prompt, labels)
    for label, sequence in zip(labels, sequences, strict=True):
        assert sequence.ids[:-1] == bare.ids
        assert (sequence.response_start, sequence.answer_start) == (bare.response_start, len(bare))
        assert tokenizer.decode([sequence.ids[-1]]) == (label if format.chat or prefix else f" {label}")


def test_a_label_that_the_tokenizer_merges_with_its_bracket_is_scored_as_one():
    tokenizer, format = chat(more=["(A", "(B"])
    prompt = Prompt("Which?", None, "(")
    one, other = format.labels(prompt, ["A", "B"])
    assert [tokenizer.decode(list(s.ids[s.answer_start :])) for s in (one, other)] == ["(A", "(B"]
    assert one.ids[:-1] == other.ids[:-1] == format.sequence(Prompt("Which?")).ids


def test_labels_of_which_the_tokenizer_merges_only_some_are_refused():
    _, format = chat(more=["(A"])
    with pytest.raises(DataError, match="no single token for the label 'B'") as caught:
        format.labels(Prompt("Which?", None, "("), ["A", "B"])
    assert "--form" in str(caught.value)


def test_labels_may_share_a_token_that_merges_with_the_prompt():
    tokenizer, format = chat(more=["\n("])
    one, other = format.labels(Prompt("Which?", None, "("), ["A", "B"])
    assert [tokenizer.decode([s.ids[-1]]) for s in (one, other)] == ["A", "B"]
    assert one.ids[:-1] == other.ids[:-1]


def test_a_label_of_several_tokens_is_refused_with_a_way_out():
    _, format = chat()
    with pytest.raises(DataError, match="no single token for the label 'Perhaps'") as caught:
        format.labels(Prompt("Which?"), ["Perhaps", "No"])
    assert "--score text" in str(caught.value)


def test_one_token_for_two_labels_is_refused():
    _, format = chat()
    with pytest.raises(DataError, match="one and the same token"):
        format.labels(Prompt("Which?", None, "("), ["A", "A"])


@pytest.mark.parametrize("make", [chat, plain])
def test_running_text_is_answer_from_its_second_token(make):
    tokenizer, format = make()
    sequence = format.plain("The sea is wide.")
    assert tokenizer.decode(list(sequence.ids)) == "The sea is wide."
    assert (sequence.response_start, sequence.answer_start) == (1, 1)


@pytest.mark.parametrize("make", [chat, plain])
def test_the_tokenizer_is_left_as_it_was(make):
    tokenizer, format = make()
    tokenizer.padding_side = "right"

    def state():
        return (
            tokenizer.backend_tokenizer.to_str(), tokenizer.padding_side, tokenizer.truncation_side,
            tokenizer.chat_template, tokenizer.pad_token_id, tokenizer.eos_token_id, len(tokenizer),
        )  # fmt: skip

    before, prompt = state(), Prompt("Which?", "Be kind.", "(")
    format.sequence(prompt)
    format.answers(prompt, ["one", "another"])
    format.labels(prompt, ["A", "B"])
    format.plain("text")
    assert state() == before


def test_a_tokenizer_without_offsets_is_refused():
    for slow in (object(), type("Slow", (), {"is_fast": False})()):
        with pytest.raises(ModelError, match="no character offsets") as caught:
            ChatFormat(slow)
        assert type(slow).__name__ in str(caught.value)


@pytest.mark.parametrize("chat", [True, False])
def test_completions_are_running_text_with_its_parts_marked(chat):
    format = ChatFormat(tiny_tokenizer(chat=chat))
    sequences = format.completions("Q: Well?", "\nA:", [" yes", " no"])
    decode = tiny_tokenizer(chat=chat).decode
    assert [decode(s.ids) for s in sequences] == ["Q: Well?\nA: yes", "Q: Well?\nA: no"]
    for sequence in sequences:
        assert decode(sequence.ids[: sequence.response_start]) == "Q: Well?"
        assert decode(sequence.ids[: sequence.answer_start]) == "Q: Well?\nA:"


HISTORY = (("Capital?", "Rome."), ("Sure?", "Yes."))


def test_earlier_turns_of_a_chat_are_part_of_the_prompt():
    tokenizer, format = chat()
    assert parts(tokenizer, format.sequence(Prompt("Why?", "Be kind.", "So", history=HISTORY))) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nCapital?<|im_end|>\n"
        "<|im_start|>assistant\nRome.<|im_end|>\n<|im_start|>user\nSure?<|im_end|>\n"
        "<|im_start|>assistant\nYes.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n",
        "<|im_start|>assistant\nSo",
        "",
    )


def test_earlier_turns_of_a_plain_prompt():
    tokenizer, format = plain()
    assert parts(tokenizer, format.sequence(Prompt("Why?", "Be kind.", history=HISTORY))) == (
        "Be kind.\n\nHuman: Capital?\n\nAssistant: Rome.\n\nHuman: Sure?\n\nAssistant: Yes.\n\nHuman: Why?",
        "\n\nAssistant:",
        "",
    )


def test_without_a_system_role_it_stands_before_the_first_turn():
    tokenizer, format = chat(NO_SYSTEM)
    whole = "".join(parts(tokenizer, format.sequence(Prompt("Why?", "Be kind.", history=HISTORY[:1]))))
    assert whole == (
        "<|im_start|>user\nBe kind.\n\nCapital?<|im_end|>\n<|im_start|>assistant\nRome.<|im_end|>\n"
        "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>model\n"
    )


@given(words, st.lists(st.tuples(words, words), max_size=3))
def test_a_conversation_is_that_of_the_template(question, history):
    tokenizer, format = chat()
    messages = [{"role": r, "content": t} for turn in history for r, t in zip(("user", "assistant"), turn, strict=True)]
    messages.append({"role": "user", "content": question})
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    sequence = format.sequence(Prompt(question, history=tuple(history)))
    assert list(sequence.ids) == tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(list(sequence.ids[sequence.response_start :])) == "<|im_start|>assistant\n"


@pytest.mark.parametrize("make", [chat, plain])
@pytest.mark.parametrize("lead", ["", "<|im_start|> "])
def test_an_end_token_that_the_tokenizer_appends_stands_nowhere(make, lead):
    from tokenizers.processors import TemplateProcessing

    def sequences(format):
        prompt = Prompt("Which?", "Be kind.")
        return [
            format.sequence(prompt), format.plain("The sea."), *format.answers(prompt, ["Yes.", "Nothing at all."]),
            *format.labels(replace(prompt, prefix="("), ["A", "B"]), *format.completions("Q: So?", "\nA:", [" a", " b"]),
        ]  # fmt: skip

    tokenizer, format = make()
    before = sequences(format)
    marks = [(mark, tokenizer.convert_tokens_to_ids(mark)) for mark in ("<|im_end|>", "<|im_start|>")]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(f"{lead}$A <|im_end|>", special_tokens=marks)
    assert tokenizer("So?")["input_ids"][-1] == tokenizer.eos_token_id
    leads = 1 if lead else 0
    for without, sequence in zip(before, sequences(ChatFormat(tokenizer)), strict=True):
        added = leads if len(sequence) > len(without) else 0
        assert sequence.ids[added:] == without.ids
        assert sequence.answer_start == without.answer_start + (added if sequence.answer_start > 1 else 0)
    assert len(ChatFormat(tokenizer).plain("The sea.")) == len(before[1]) + leads


@pytest.mark.parametrize("make", [chat, plain])
def test_a_label_by_itself_stands_where_it_stands_beside_others(make):
    _, format = make()
    prompt = Prompt("Which?", prefix="(")
    assert format.labels(prompt, ["A"]) == format.labels(prompt, ["A", "B"])[:1]
