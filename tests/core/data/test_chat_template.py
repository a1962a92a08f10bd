"""A template writes what it was given, in the shape that it reads, or is refused; no clock reaches it."""

import pytest
import torch
from transformers.utils import chat_template_utils

from steerstack.data.chat_template import DATE, ChatTemplate, Turns
from steerstack.data.manner import Manner
from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.errors import DataError, ModelError
from steerstack.testing.models import tiny_tokenizer

torch.set_num_threads(1)
TURN = "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
HEADER = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
PARTS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}{% if c['type'] == 'text' %}"
    "{{ c['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}" + HEADER
)
# as Phi-3's: a system turn is not written at all
DROPS_SYSTEM = "{% for m in messages %}{% if m['role'] != 'system' %}" + TURN + "{% endif %}{% endfor %}" + HEADER
# as Gemma's: a system turn is refused, and roles must alternate
REFUSES_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}" + TURN + "{% endfor %}" + HEADER
)
LAST_TURN_ONLY = "{% set m = messages[-1] %}" + TURN + HEADER
# as Qwen3's: what stands before the end of a reasoning block is cut from earlier replies
CUTS_THOUGHTS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'].split('</think>')[-1] }}<|im_end|>\n"
    "{% endfor %}" + HEADER
)
# as Llama 3's
DATED = (
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "Today: {{ date_string }}, {{ strftime_now('%A %-d.%m., %H:%M, 100 %%') }}\n"
    "{% for m in messages %}" + TURN + "{% endfor %}" + HEADER
)


def made(template, **arguments):
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    return tokenizer, ChatFormat(tokenizer, Manner(arguments))


def text_of(template, prompt, **arguments):
    tokenizer, format = made(template, **arguments)
    return tokenizer.decode(list(format.sequence(prompt).ids)), format


HISTORY = (("Capital?", "Rome."),)


@pytest.mark.parametrize("system", [None, "Be kind."])
@pytest.mark.parametrize("history", [(), HISTORY])
def test_a_template_that_reads_lists_of_parts_is_given_them(system, history):
    prompt = Prompt("Hello?", system, history=history)
    text, format = text_of(PARTS, prompt)
    plain, _ = text_of("{% for m in messages %}" + TURN + "{% endfor %}" + HEADER, prompt)
    assert text == plain
    assert format.describe()["content"] == "list of parts"


@pytest.mark.parametrize("template", [DROPS_SYSTEM, REFUSES_SYSTEM, PARTS.replace("{% for m in messages %}", REFUSES_SYSTEM.split("{% for")[0] + "{% for m in messages %}")])  # fmt: skip
def test_a_system_prompt_that_is_dropped_or_refused_stands_before_the_users_first_words(template):
    text, format = text_of(template, Prompt("Hello?", "Be kind.", history=HISTORY))
    assert text.startswith("<|im_start|>user\nBe kind.\n\nCapital?<|im_end|>\n")
    assert text.count("Be kind.") == 1
    assert format.describe()["system"] == "in front of the user's words"
    alone, _ = text_of(template, Prompt("Hello?", "Be kind."))
    assert alone == "<|im_start|>user\nBe kind.\n\nHello?<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("template", "prompt", "lost"),
    [
        (LAST_TURN_ONLY, Prompt("Hello?", history=HISTORY), "the user's words in earlier turn 1"),
        ("Hello.{% if add_generation_prompt %}>{% endif %}", Prompt("Hello?"), "the user's words"),
        ("{% for m in messages %}{{ m['content'][:4] }}{% endfor %}", Prompt("A longer question?"), "the user's words"),
    ],
)
def test_what_no_shape_can_save_is_refused(template, prompt, lost):
    _, format = made(template)
    with pytest.raises(ModelError, match=lost):
        format.sequence(prompt)


def test_a_demonstration_that_the_template_cuts_is_refused_and_others_are_not():
    _, format = made(CUTS_THOUGHTS)
    assert format.sequence(Prompt("Hello?", history=HISTORY))
    with pytest.raises(ModelError, match="the assistant's words in earlier turn 1"):
        format.sequence(Prompt("Hello?", history=(("So?", "<think>maybe</think>Yes."),)))


def test_words_that_the_tokenizer_does_not_know_are_refused():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"<unk>": 0, "Human": 1, ":": 2, "Assistant": 3, "hello": 4}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    format = ChatFormat(PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>"))
    assert len(format.sequence(Prompt("hello"))) == 5
    with pytest.raises(DataError, match="does not know most of the user's words"):
        format.sequence(Prompt("bonjour monde"))


@pytest.fixture(params=[(2026, 11, 1), (2031, 3, 9)])
def clock(request, monkeypatch):
    """Another day on the machine's clock, as transformers reads it."""

    class Day(chat_template_utils.datetime):
        @classmethod
        def now(cls, tz=None):
            return chat_template_utils.datetime(*request.param)

    real = chat_template_utils.datetime
    Day.now = classmethod(lambda cls, tz=None: real(*request.param))
    monkeypatch.setattr(chat_template_utils, "datetime", Day)


@pytest.mark.usefixtures("clock")
def test_a_template_that_writes_todays_date_gets_a_fixed_one():
    text, format = text_of(DATED, Prompt("Hello?"))
    assert text.startswith("Today: 26 Jul 2024, Friday 26.07., 12:00, 100 %\n")
    assert format.describe()["date"] == DATE
    assert text_of(DATED, Prompt("Hello?"), date="2025-01-02")[0].startswith("Today: 02 Jan 2025, Thursday 2.01.")
    assert text_of(DATED, Prompt("Hello?"), date_string="never")[0].startswith("Today: never, Friday")


def test_a_template_without_a_date_records_none():
    assert "date" not in text_of(PARTS, Prompt("Hello?"))[1].describe()
    with pytest.raises(ModelError, match="is not a day"):
        text_of(DATED, Prompt("Hello?"), date="yesterday")


def test_arguments_reach_the_template_and_unknown_ones_are_refused():
    template = "{% if loud is defined and loud %}LOUD {% endif %}{% for m in messages %}" + TURN + "{% endfor %}"
    assert text_of(template, Prompt("Hello?"), loud=True)[0].startswith("LOUD ")
    assert not text_of(template, Prompt("Hello?"), loud=False)[0].startswith("LOUD ")
    with pytest.raises(ModelError, match="no argument 'lout'") as caught:
        made(template, lout=True)
    assert "'loud'" in str(caught.value)
    with pytest.raises(ModelError, match="no chat template"):
        ChatFormat(tiny_tokenizer(chat=False), Manner({"loud": True}))


def test_generation_tags_of_transformers_are_read():
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% generation %}{{ tone }}{% endgeneration %}{% for m in messages %}" + TURN + "{% endfor %}"
    )
    template = ChatTemplate(tokenizer, {"tone": "flat "})
    assert template.variables == {"tone"}
    assert template.write(Turns("Hi"), generate=False) == "flat <|im_start|>user\nHi<|im_end|>\n"
