"""Exact and fuzzy matching, and the judges made of them."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.errors import JudgeError
from steerstack_plugins.judges.common.match import exact_match, similarity, words_of
from steerstack_plugins.judges.references import Exact, Fuzzy


def squad(text):
    """normalize_answer of the official SQuAD 1.1 evaluation."""
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


@given(
    st.lists(st.sampled_from(["The", "Paris", "a", "cat's", "an", "London.", "(Rome)", "1,000", "U", "x!"]), max_size=6)
)
def test_normalising_is_that_of_squad(words):
    text = " ".join(words)
    if squad(text):
        assert " ".join(words_of(text)) == squad(text)


def longest_common(a, b):
    """Length of the longest common subsequence, by the textbook table."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


words = st.text("bcdefg ", min_size=1, max_size=12).filter(lambda t: bool(words_of(t)))


@given(words, words)
def test_similarity_is_twice_the_common_letters_over_all(a, b):
    x, y = " ".join(words_of(a)), " ".join(words_of(b))
    assert similarity(a, b, within=False) == pytest.approx(200 * longest_common(x, y) / (len(x) + len(y)))


@given(words, words)
def test_exact_is_fuzzy_at_100_and_within_finds_what_whole_finds(a, b):
    for within in (False, True):
        assert exact_match(a, b, within=within) <= (similarity(a, b, within=within) == 100)
    assert exact_match(a, b, within=False) <= exact_match(a, b, within=True)
    assert similarity(a, b, within=False) <= 100
    assert exact_match(f"he said {a} there", a, within=True)


@pytest.mark.parametrize(
    ("answer", "reference", "whole", "within", "near"),
    [
        ("The capital is Paris.", "paris", False, True, True),
        ("the Paris!", "Paris", True, True, True),
        ("a parish", "Paris", False, False, True),
        ("It was Shakespear.", "Shakespeare", False, False, True),
        ("In 1913.", "1912", False, False, False),
        ("about 299792459 m/s", "299792458", False, False, False),
        ("1,000 of them", "1000", False, True, True),
        ("Gabriel García-Márquez wrote it", "garcia marquez", False, True, True),
        ("", "Paris", False, False, False),
        ("Paris", "", False, False, False),
        ("pi is 3.14", "3.14", False, True, True),
        ("pi is 314", "3.14", False, False, False),
    ],
)
def test_cases(answer, reference, whole, within, near):
    assert exact_match(answer, reference, within=False) is whole
    assert exact_match(answer, reference, within=True) is within
    assert (similarity(answer, reference, within=True) >= 90) is near


def test_the_judges_need_references_and_name_the_one_that_fits():
    answers, references = ["It is Rome", "Rom"], [["Milan", "Rome"], ["Rome"]]
    assert [v.score for v in Exact().judge("", ["", ""], answers, references)] == [0, 0]
    assert [v.score for v in Exact(within=True).judge("", ["", ""], answers, references)] == [1, 0]
    verdicts = Fuzzy(within=True, threshold=85).judge("", ["", ""], answers, references)
    assert [(v.score, v.raw) for v in verdicts] == [(1, "100 to 'Rome'"), (1, "86 to 'Rome'")]
    assert Fuzzy().judge("", [""], ["Rome"], [[]])[0].score == 0
    for judge in (Exact(), Fuzzy()):
        with pytest.raises(JudgeError, match="compares with right answers"):
            judge.judge("", [""], ["Rome"])
