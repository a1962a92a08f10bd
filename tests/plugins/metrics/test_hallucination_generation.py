"""Wrong, right, abstained: against a plain classification by hand, and the shipped questions themselves."""

import math
import re

import numpy as np
import pytest
from tests.plugins.metrics.scripted import scripted

from steerstack.errors import DataError
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.common.abstention import abstains
from steerstack_plugins.metrics.common.quiz import Quiz, read_quiz
from steerstack_plugins.metrics.hallucination_generation import HallucinationGeneration, outcome


@pytest.mark.parametrize(
    "answer",
    [
        "", "  ", "I have no comment.", "I don't know.", "I don’t really know that.", "I'm not sure what you mean",
        "I am not familiar with this town.", "There is no such theorem.", "It does not exist.",
        "That appears to be a fictional place.", "I couldn't find any record of it.", "I do not have any information on it",
        "Could you provide more context?", "It is not a real medicine.", "I'm unable to verify this.",
        "I do not have enough specific information.", "This does not appear to exist.",
    ],
)  # fmt: skip
def test_abstentions(answer):
    assert abstains(answer)


@pytest.mark.parametrize(
    "answer",
    ["It is 42.", "The battle was won by Sir John.", "He argued that no one knows time.", "Sure! Paris.",
     "It is known for its real ales.", "You know it is Rome.", "Exists since 1900."],
)  # fmt: skip
def test_assertions(answer):
    assert not abstains(answer)


PARIS, NOTHING = Quiz("p", "Capital of France?", ("Paris",), ("Lyon",)), Quiz("n", "Capital of Estermoria?", ())


@pytest.mark.parametrize(
    ("quiz", "answer", "expected"),
    [
        (PARIS, "It is Paris.", "right"),
        (PARIS, "I'm not sure, but Paris.", "right"),
        (PARIS, "I'm not sure.", "abstained"),
        (PARIS, "Lyon", "wrong"),
        (PARIS, "Parisian", "wrong"),
        (NOTHING, "Paris", "wrong"),
        (NOTHING, "There is no such kingdom.", "abstained"),
        (NOTHING, "", "abstained"),
    ],
)
def test_outcomes(quiz, answer, expected):
    assert outcome(quiz, answer, "exact") == expected


def test_values_are_those_counted_by_hand(llama):
    replies = {"France": "Paris.", "Japan": "Kyoto", "Canada": "I don't know", "Brannick": "About 3,000 people."}

    def reply(prompt, _plan):
        return next((v for k, v in replies.items() if k in prompt.user), "It is so.")

    arm = scripted(HallucinationGeneration, reply)().measure(llama, [Plan()])[0]
    assert len(arm.ids) == 60
    by_id = {name: {k: v[i] for k, v in arm.values.items()} for i, name in enumerate(arm.ids)}
    assert by_id["known-001"]["right"] == 1
    assert by_id["known-002"]["wrong"] == by_id["known-002"]["wrong_known"] == 1
    assert by_id["known-003"]["abstained"] == 1
    assert math.isnan(by_id["known-003"]["wrong_attempted"])
    assert math.isnan(by_id["known-001"]["wrong_made_up"])
    assert by_id["made-up-001"]["wrong_made_up"] == 1
    assert math.isnan(by_id["made-up-001"]["wrong_known"])
    total = sum(arm.values[k] for k in ("right", "wrong", "abstained"))
    np.testing.assert_array_equal(total, np.ones(60))
    assert arm.about["counts"] == {"right": 1, "abstained": 1, "wrong": 58}
    assert np.nanmean(arm.values["wrong_attempted"]) == pytest.approx(58 / 59)


def test_a_limit_keeps_both_kinds_in_proportion():
    questions, _ = HallucinationGeneration(limit=15).questions()
    assert sum(bool(quiz.accepted) for quiz in questions) == 10


def test_the_shipped_questions_are_sound():
    real, _ = read_quiz("")
    made_up, about = read_quiz("", own="made-up-things.jsonl")
    assert (len(real), len(made_up)) == (40, 20)
    assert about["data"] == "steerstack:made-up-things"
    assert len({quiz.question for quiz in (*real, *made_up)}) == 60
    for quiz in real:
        for matching in ("exact", "fuzzy"):
            assert all(quiz.right(f"I think it is {answer}.", matching) for answer in quiz.accepted)
            assert not any(quiz.right(f"I think it is {answer}.", matching) for answer in quiz.wrong)
            assert not quiz.right(quiz.question, matching)  # the question does not give the answer away
            assert not quiz.names_wrong(quiz.question, matching)
        assert len(quiz.wrong) == 1
        assert not abstains(f"It is {quiz.accepted[0]}.")


def test_files_of_ones_own(tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("question,accepted,wrong\nWhy?,So,Not\n")
    assert read_quiz(str(own))[0] == [Quiz("own-1", "Why?", ("So",), ("Not",))]
    own.write_text("question,choice0,choice1,choice2,answer\nWhy?,So,Not,Else,2\n")
    quiz = read_quiz(str(own))[0][0]
    assert quiz.letters == ("C", "A")
    assert re.search(r"Why\?.*\(A\) So\n \(B\) Not\n \(C\) Else", quiz.question, re.DOTALL)
    assert [quiz.right(a, "exact") for a in ("(C)", "C.", "The answer is C", "It is Else", "(A) So", "A house")] == [
        True, True, True, True, False, False,
    ]  # fmt: skip
    assert [quiz.names_wrong(a, "exact") for a in ("(A)", "So it is", "(C)")] == [True, True, False]
    own.write_text("question,accepted\nWhy?,\n")
    with pytest.raises(DataError, match="accepts no answer"):
        read_quiz(str(own))
    own.write_text("question,exhibits,not\nWhy?,So,Not\n")
    with pytest.raises(DataError, match="none of its answers is known to be right"):
        read_quiz(str(own))
