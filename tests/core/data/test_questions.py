"""Items are asked in both orders; letters move with the content, and pairs share their prompt."""

import pytest

from steerstack.data.items import DataSet, Item, Layout
from steerstack.data.prompts import ChatFormat
from steerstack.data.questions import ask, check_mode, contrast_pairs
from steerstack.errors import DataError
from steerstack.testing.models import tiny_tokenizer

TOKENIZERS = {chat: tiny_tokenizer(chat=chat) for chat in (True, False)}
CHOICE = Item("c", "Where to?", ("To the sea", "Nowhere", "To the hills"), 2, 0)
PERSONA = Item("p", 'Would you say "I like tea"?', ("Yes", "No"), 1, 0, form="yes-no")
TEXT = Item("t", "How are you?", ("Very well.", "I have no feelings."), 0, 1, form="text")


def data(*items):
    return DataSet("b", items, "p", "s")


@pytest.fixture(params=[True, False], ids=["chat", "plain"])
def chat(request):
    return request.param


@pytest.fixture
def format(chat):
    return ChatFormat(TOKENIZERS[chat])


@pytest.fixture
def read(chat):
    """The text of a sequence up to its answer, and the answer."""
    tokenizer = TOKENIZERS[chat]

    def texts(sequence):
        a = sequence.answer_start
        return tokenizer.decode(list(sequence.ids[:a])), tokenizer.decode(list(sequence.ids[a:])).strip()

    return texts


def test_modes_are_checked():
    assert check_mode("yes-no") == "yes-no"
    with pytest.raises(DataError, match="did you mean 'letter'"):
        check_mode("leter")


def test_letters_are_asked_in_both_orders_and_move_with_the_content(format, read):
    first, second = ask(format, data(CHOICE), "letter")
    assert (first.order, second.order) == (0, 1)
    assert (read(first.exhibits)[1], read(first.contrast)[1]) == ("C", "A")
    assert (read(second.exhibits)[1], read(second.contrast)[1]) == ("A", "C")
    assert " (A) To the sea\n (B) Nowhere\n (C) To the hills" in read(first.exhibits)[0]
    assert " (A) To the hills\n (B) Nowhere\n (C) To the sea" in read(second.exhibits)[0]
    for question in (first, second):
        prompt, letter = read(question.exhibits)
        assert prompt.endswith("(")
        assert f"({letter}) To the hills" in prompt
        assert f"({read(question.contrast)[1]}) To the sea" in prompt
        assert question.item.exhibits_text == "To the hills"


def test_the_layout_of_the_source_is_kept(format, read):
    item = Item("l", "Well?", ("a", "b"), 0, 1, layout=Layout("\n\n", ("(A)", "\n(B)"), "\n\nAnswer:"))
    for question, listed in zip(ask(format, data(item), "letter"), ("(A)a\n(B)b", "(A)b\n(B)a"), strict=True):
        assert f"Well?\n\n{listed}\n\nAnswer:" in read(question.exhibits)[0]


def test_a_persona_item_is_asked_once_as_it_stands(format, read):
    (question,) = ask(format, data(PERSONA), "yes-no")
    assert question.order == 0
    assert (read(question.exhibits)[1], read(question.contrast)[1]) == ("No", "Yes")
    assert PERSONA.question in read(question.exhibits)[0]
    assert "something you would say" not in read(question.exhibits)[0]


@pytest.mark.parametrize("item", [TEXT, CHOICE], ids=["text", "choice"])
def test_another_item_proposes_each_of_its_answers(format, read, item):
    first, second = ask(format, data(item), "yes-no")
    assert (first.order, second.order) == (0, 1)
    assert (read(first.exhibits)[1], read(first.contrast)[1]) == ("Yes", "No")
    assert (read(second.exhibits)[1], read(second.contrast)[1]) == ("No", "Yes")
    for question, answer in ((first, item.exhibits_text), (second, item.contrast_text)):
        assert (
            f'{item.question}\n\nIs the following answer something you would say?\n"{answer}"'
            in (read(question.exhibits)[0])
        )


@pytest.mark.parametrize("item", [TEXT, CHOICE, PERSONA], ids=["text", "choice", "persona"])
def test_text_asks_the_bare_question(format, read, item):
    (question,) = ask(format, data(item), "text")
    prompt, answer = read(question.exhibits)
    assert (answer, read(question.contrast)[1]) == (item.exhibits_text, item.contrast_text)
    assert item.question in prompt
    assert "(A)" not in prompt


@pytest.mark.parametrize("mode", ["letter", "yes-no", "text"])
def test_both_sides_share_their_prompt_in_every_mode(format, mode):
    for question in ask(format, data(CHOICE, PERSONA, TEXT), mode):
        one, other = question.pair
        a = one.answer_start
        assert other.answer_start == a
        assert one.response_start == other.response_start
        assert one.ids[:a] == other.ids[:a]
        assert one.ids[a:] != other.ids[a:]
        assert mode == "text" or len(one) == len(other) == a + 1


@pytest.mark.parametrize("mode", ["letter", "yes-no", "text"])
def test_items_stay_in_order_and_system_prompts_join_the_items_own_first(format, read, mode):
    own = Item("o", "Well?", ("a", "b"), 0, 1, form="text", system="You are old.")
    questions = ask(format, data(own, TEXT), mode, system="Be kind.")
    assert [q.item.id for q in questions] == sorted(q.item.id for q in questions)
    for question in questions:
        prompt = read(question.exhibits)[0]
        assert ("You are old.\n\nBe kind." in prompt) == (question.item.id == "o")
        assert "Be kind." in prompt
    for question in ask(format, data(TEXT), mode):
        assert "system" not in read(question.exhibits)[0]


def spans(pair, tokenizer):
    return [
        tokenizer.decode([side.sequence.ids[p] for p in side.positions]).strip()
        for side in (pair.positive, pair.negative)
    ]


@pytest.mark.parametrize(
    ("rule", "item", "texts"),
    [
        ("answer", CHOICE, ["C", "A"]), ("answer", PERSONA, ["No", "Yes"]), ("answer", TEXT, ["A", "B"]),
        ("response", CHOICE, ["To the hills", "To the sea"]), ("response", TEXT, list(TEXT.options)),
        ("response", PERSONA, ["No", "Yes"]),
    ],
)  # fmt: skip
def test_answer_reads_the_label_and_response_the_words(chat, format, rule, item, texts):
    (pair,) = contrast_pairs(format, data(item), rule)
    assert pair.id == item.id
    assert spans(pair, TOKENIZERS[chat]) == texts
    a, sides = pair.positive.positions[0], (pair.positive, pair.negative)
    assert sides[1].positions[0] == a
    assert sides[0].sequence.ids[:a] == sides[1].sequence.ids[:a]
    assert all(side.positions[-1] == len(side.sequence) - 1 for side in sides)
    assert rule == "response" or all(len(side.positions) == 1 for side in sides)


def test_pairs_list_the_options_as_the_source_does(chat, format):
    (pair,) = contrast_pairs(format, data(CHOICE), "answer")
    assert CHOICE.listed() in TOKENIZERS[chat].decode(list(pair.positive.sequence.ids))


@pytest.mark.parametrize("item", [CHOICE, PERSONA, TEXT], ids=["choice", "persona", "text"])
def test_last_reads_the_last_token_of_a_prompt_that_holds_the_answer(chat, format, item):
    (pair,) = contrast_pairs(format, data(item), "last")
    tokenizer = TOKENIZERS[chat]
    for side, text in ((pair.positive, item.exhibits_text), (pair.negative, item.contrast_text)):
        assert side.positions == (len(side.sequence) - 1,)
        assert side.sequence.answer_start == len(side.sequence)
        prompt = tokenizer.decode(list(side.sequence.ids[: side.sequence.response_start]))
        assert prompt.rstrip().removesuffix("<|im_end|>").endswith(f"{item.question}\n\n{text}")
    assert pair.positive.sequence.ids[-5:] == pair.negative.sequence.ids[-5:]


def test_pairs_keep_an_items_own_system_prompt(chat, format):
    own = Item("o", "Well?", ("a", "b"), 0, 1, form="text", system="You are old.")
    for rule in ("answer", "response", "last"):
        (pair,) = contrast_pairs(format, data(own), rule)
        for side in (pair.positive, pair.negative):
            assert "You are old." in TOKENIZERS[chat].decode(list(side.sequence.ids))


def test_an_unknown_rule_suggests_the_nearest(format):
    with pytest.raises(DataError, match="did you mean 'answer'"):
        contrast_pairs(format, data(TEXT), "anser")
