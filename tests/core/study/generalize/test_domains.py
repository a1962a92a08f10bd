"""Two domains of one behaviour: which items are in which, and what is refused."""

from dataclasses import replace

import pytest

from steerstack.catalog.data import load_data
from steerstack.errors import DataError, StudyError
from steerstack.study.generalize import domains


@pytest.fixture
def kindness(table):
    return load_data(table, behavior="kindness")


def test_margins_part_the_items_at_the_median(llama, kindness):
    parts = domains.by_hardness(llama, kindness, "margin", "text")
    assert {name: len(part) for name, part in parts.items()} == {"easy": 15, "hard": 15}
    assert not {i.id for i in parts["easy"]} & {i.id for i in parts["hard"]}


def test_long_questions_are_the_hard_half(llama, kindness):
    worded = kindness.take(
        tuple(replace(item, question=item.question + " indeed" * place) for place, item in enumerate(kindness))
    )
    parts = domains.by_hardness(llama, worded, "length", "text")
    longest = max(len(item.question.split()) for item in parts["easy"])
    assert longest < min(len(item.question.split()) for item in parts["hard"])


def test_a_system_prompt_is_a_domain_of_its_own(kindness):
    parts = domains.by_system(kindness, "Be brief.")
    assert all(item.system == "Be brief." for item in parts["prompted"])
    assert len(parts["bare"]) == len(parts["prompted"])


def test_words_of_the_user_are_a_domain_of_their_own(kindness):
    parts = domains.by_user(kindness, "I am tired.")
    assert all(item.question.startswith("I am tired.\n\n") for item in parts["prompted"])
    assert [item.options for item in parts["bare"]] == [item.options for item in parts["prompted"]]


def test_a_difficulty_parts_the_items_at_a_number(llama, kindness):
    graded = kindness.take(tuple(replace(item, topic=str(place % 3 + 1)) for place, item in enumerate(kindness)))
    parts = domains.by_number(llama, graded, 2)
    assert {item.topic for item in parts["hard"]} == {"3"}
    assert {item.topic for item in parts["easy"]} == {"1", "2"}
    with pytest.raises(DataError, match="not a number"):
        domains.by_number(llama, kindness.take(tuple(replace(item, topic="grade nine") for item in kindness)), 2)


def test_an_unknown_topic_is_refused(kindness):
    with pytest.raises(StudyError, match="no topic 'grade 9'"):
        domains.by_topic(kindness, ("grade 9",))
