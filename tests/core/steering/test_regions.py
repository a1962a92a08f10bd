"""Where a response begins in written-out text."""

from steerstack.steering.regions import assistant_header, mark
from steerstack.testing.models import tiny_tokenizer


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
