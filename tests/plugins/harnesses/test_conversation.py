"""Chat messages as prompts, and where a response begins in written-out text."""

import pytest

from steerstack.data.prompts import Prompt
from steerstack.errors import DataError
from steerstack.testing.models import tiny_tokenizer
from steerstack_plugins.harnesses.conversation import prompt_of
from steerstack_plugins.harnesses.regions import assistant_header, mark


def test_turns_become_a_prompt():
    messages = [("system", "s"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d"), ("assistant", "e")]
    assert prompt_of(messages) == Prompt("d", "s", "e", (("a\n\nb", "c"),))


@pytest.mark.parametrize(
    "roles",
    ["", "system", "assistant", "assistant user", "user system user", "user tool", "user assistant tool user"],
)
def test_what_is_no_exchange_is_refused(roles):
    with pytest.raises(DataError, match="chat format"):
        prompt_of([(role, "x") for role in roles.split()])


def test_the_header_is_found_where_the_template_writes_one():
    tokenizer = tiny_tokenizer()
    header = assistant_header(tokenizer)
    assert tokenizer.decode(list(header)) == "<|im_start|>assistant"
    text = tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text + "because", add_special_tokens=False)["input_ids"]
    sequence = mark(ids, len(ids), header)
    assert tokenizer.decode(list(sequence.ids[sequence.response_start :])) == "<|im_start|>assistant\nbecause"


def test_without_a_header_the_response_begins_at_the_contexts_last_token():
    assert assistant_header(tiny_tokenizer(chat=False)) == ()
    assert mark([5, 6, 7, 8], 2, ()).response_start == 1
    assert mark([5, 6, 7, 8], 2, (9,)).response_start == 1
    assert mark([5, 9, 9, 8], 3, (9,)).response_start == 2
