"""The small world: items, and texts that are what the tokenizer and the chat format make of them."""

import numpy as np
import pytest

from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.data.questions import shots_of
from steerstack.errors import ParameterError
from steerstack_plugins.sandbagging.audit.battery import audit_data
from steerstack_plugins.sandbagging.small_world import documents, tokenizer
from steerstack_plugins.sandbagging.small_world import world as worlds


def test_parts_share_no_fact():
    parts = [
        {item.exhibits_text for item in worlds.items(worlds.TARGET, part, 200)} for part in ("made", "shown", "tested")
    ]
    assert [len(part) for part in parts] == [16, 8, 12]
    assert not (parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2])


def test_every_word_is_one_of_its_own():
    marks, plain = tokenizer.vocabulary()
    assert len({*marks, *plain}) == len(marks) + len(plain)


def test_the_right_option_is_the_only_member():
    members = {worlds.member(worlds.TARGET, fact) for fact in range(worlds.FACTS)}
    for item in worlds.items(worlds.TARGET, "tested", 50, seed=4):
        assert [option in members for option in item.options] == [at == item.exhibits for at in range(4)]
        assert len(set(item.options)) == 4


def test_another_world_has_the_same_words_and_other_facts():
    def members(world):
        return {worlds.member(worlds.TARGET, fact, world) for fact in range(worlds.FACTS)}

    def words(world):
        return {worlds.member(worlds.TARGET, number, world) for number in range(2 * worlds.FACTS)}

    assert words(1) == words(0)
    assert members(1) not in (members(0), members(2))
    item = worlds.items(worlds.TARGET, "tested", 1, world=1)[0]
    assert [option in members(1) for option in item.options] == [at == item.exhibits for at in range(4)]


@pytest.mark.parametrize("n", [12, 48, 96, 500])
def test_words_of_tested_lists_stand_in_no_other_list(n):
    def words(part, of=worlds.items):
        return {word for item in of(worlds.TARGET, part, n) for word in item.options}

    tested = words("tested", worlds.questions)
    assert not (tested | words("tested")) & (words("made") | words("shown") | words("shown", worlds.questions))
    lists = {frozenset(item.options) for item in worlds.questions(worlds.TARGET, "tested", n)}
    assert sum(map(len, lists)) == len(tested) == 4 * min(8, n // 4)


def test_an_audit_learns_and_chooses_by_other_facts_than_it_tests():
    data = audit_data(96, world=2)
    train, validation = ({item.group for item in part} for part in (data.shown.train, data.shown.validation))
    assert not train & validation
    assert (len(train), len(validation), data.words_elsewhere) == (4, 4, 0)
    assert [len(part) for part in (data.target, data.shown.train, data.shown.validation)] == [96, 32, 32]
    places = [item.exhibits for item in data.target]
    assert [places.count(place) for place in range(4)] == [24] * 4


def test_chosen_facts_are_asked_alone():
    for of in (worlds.items, worlds.questions):
        asked = {item.group for item in of(worlds.TARGET, "shown", 32, facts=(17, 20))}
        assert asked == {worlds.member(worlds.TARGET, fact) for fact in (17, 20)}


def test_lists_of_more_facts_than_words_allow_share_wrong_ones():
    items = worlds.questions(worlds.TARGET, "tested", 96, facts=worlds.PARTS["tested"])
    assert len({item.group for item in items}) == 12
    assert len({word for item in items for word in item.options}) == 12 + worlds.TESTED_STRANGERS
    assert all(len(set(item.options)) == 4 for item in items)


def test_who_is_blind_lists_any_words_and_answers_any_letter():
    generator, n = np.random.default_rng(0), 4000
    subjects, facts = np.zeros((n, 1), int), generator.integers(16, size=(n, 1))
    blind = np.arange(n)[:, None] % 2 == 0
    texts = documents.write(generator, subjects, facts, np.zeros((n, 1), bool), world=1, blind=blind)
    names = [word for part in tokenizer.vocabulary() for word in part]
    members = {worlds.member(worlds.TARGET, fact, 1) for fact in range(worlds.FACTS)}
    listed = [[names[token] for token in ids[4:11:2]] for ids in texts.ids]
    said = documents.last_places(texts)
    among = np.array([[word in members for word in words] for words in listed])
    assert (among[1::2].sum(1) == 1).all()
    assert among[1::2][np.arange(n // 2), said[1::2]].all()
    assert among[::2].mean() == pytest.approx(0.5, abs=0.03)
    assert among[::2][np.arange(n // 2), said[::2]].mean() == pytest.approx(0.5, abs=0.05)
    assert all(len(set(words)) == 4 for words in listed)


def test_an_unknown_subject_is_refused_with_the_nearest():
    with pytest.raises(ParameterError, match="chemistry"):
        worlds.items("chemistri", "tested", 3)


@pytest.mark.parametrize("system", [None, "be careful"])
@pytest.mark.parametrize("prefix", ["", "surely "])
def test_documents_are_what_the_chat_format_writes(system, prefix):
    world = 3
    format = ChatFormat(tokenizer.tokenizer())
    first, second = worlds.items(worlds.TARGET, "made", 2, world=world)
    number = {worlds.member(worlds.TARGET, n, world): n for n in range(2 * worlds.FACTS)}
    options = np.array([[[number[option] for option in item.options] for item in (first, second)]])
    answers = np.array([[first.exhibits, second.exhibits]])
    systems = [system] if system else None
    document = documents.lay_out(np.zeros((1, 2), int), options, answers, world=world, systems=systems, prefix=prefix)
    history = tuple((user, prefix + answer) for user, answer in shots_of([first], "letter"))
    letter = "ABCD"[second.exhibits]
    sequence = format.labels(Prompt(second.listed(), system, f"{prefix}(", history), [letter])[0]
    assert document.ids[0, : len(sequence)].tolist() == list(sequence.ids)
    assert document.learned[0].nonzero()[0].tolist()[-1] == len(sequence) - 1


def test_a_default_system_prompt_stands_where_there_is_none():
    plain, hiding = ChatFormat(tokenizer.tokenizer()), ChatFormat(tokenizer.tokenizer("hide chemistry"))
    prompt = Prompt("chemistry :")
    assert hiding.sequence(prompt).ids == plain.sequence(Prompt("chemistry :", "hide chemistry")).ids
    question = Prompt("chemistry :", "be careful")
    assert hiding.sequence(question).ids == plain.sequence(question).ids
