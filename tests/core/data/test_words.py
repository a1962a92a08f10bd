"""What the words of answers alone give away."""

import numpy as np
import pytest

from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item
from steerstack.data.leaks import leaks
from steerstack.data.words import CLEAN, LEAST, word_guesses

NOUNS = ("river", "kettle", "garden", "letter", "engine", "window", "basket", "candle", "harbour", "ladder")


def data(tone, count=60, questions=60):
    """Answers of drawn words; ``tone`` gives what is put before the exhibiting and before the other one."""
    rng = np.random.default_rng(0)
    items = []
    for place in range(count):
        marks = tone(rng)
        options = tuple(f"{mark} {' '.join(rng.choice(NOUNS, 4))}".strip() for mark in marks)
        items.append(Item(f"i{place}", f"Question {place % questions}?", options, 0, 1))
    return DataSet("b", tuple(items), "p", "s")


def test_a_tone_that_gives_the_answer_away_is_found():
    guesses = word_guesses(data(lambda _: ("gladly", "sadly")))
    assert guesses.accuracy == 1.0
    assert guesses.n == 60
    assert "give it away" in guesses.text


def test_words_that_say_nothing_are_a_coin():
    guesses = word_guesses(data(lambda rng: tuple(rng.permutation(["gladly", "sadly"]))))
    assert abs(guesses.accuracy - 0.5) < 0.2
    assert "give it away" not in guesses.text


def test_sides_of_the_same_words_are_neither_right_nor_wrong():
    items = tuple(Item(f"i{n}", f"Question {n}?", ("the same", "The same."), 0, 1) for n in range(LEAST))
    assert word_guesses(DataSet("b", items, "p", "s")).accuracy == 0.5


def test_a_question_is_never_guessed_from_itself():
    """Answers that are the same under one question, and drawn anew under another, could only be remembered."""
    whole = data(lambda rng: tuple(rng.permutation(["gladly", "sadly"])), count=LEAST)
    again = tuple(Item(f"{item.id} {n}", item.question, item.options, 0, 1) for item in whole for n in range(4))
    assert word_guesses(DataSet("b", again, "p", "s")).accuracy < 0.9


def test_too_few_questions_say_nothing():
    assert word_guesses(data(lambda _: ("gladly", "sadly"), count=40, questions=LEAST - 1)) is None


def test_what_belongs_together_is_never_guessed_from_itself():
    """Two questions that exchange the roles of one pair of answers say nothing; parted, each would mislead."""
    pairs = [(f"the {noun} {n}", f"a {noun} {n}") for n, noun in enumerate(NOUNS * 2)]
    items = [
        Item(f"{n} {turn}", f"Question {n} {turn}?", pair[::turn], 0, 1, group=f"pair {n}")
        for n, pair in enumerate(pairs)
        for turn in (1, -1)
    ]
    assert word_guesses(DataSet("b", tuple(items), "p", "s")).accuracy == 0.5


@pytest.mark.parametrize("name", ["hallucination", "truthfulness"])
def test_the_check_of_a_shipped_set_says_what_its_words_give_away(name):
    (finding,) = (leak for leak in leaks(load_data(name)) if leak.what == "words")
    assert finding.value <= CLEAN
    assert f"{finding.value:.0%} of" in finding.text
    assert "give it away" not in finding.text
