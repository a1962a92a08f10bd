"""The trained judge: what it reads, that its held-out accuracy is honest, and that chance stays chance."""

import json
import os
import random
from pathlib import Path

import pytest

from steerstack.errors import DataError, JudgeError
from steerstack.measure.judge import make_judge
from steerstack_plugins.judges.common.labels import labelled

PUBLISHED = Path(os.environ.get("STEERSTACK_DATA") or Path(__file__).parents[3] / ".." / "shared" / "data").resolve()


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows(n, word):
    """Answers whose label is told by a word, or by nothing."""
    draw = random.Random(0)
    return [
        {"question": f"What is case {i}?", "answer": f"It is {word(i)} {draw.choice('abcdef')}", "label": "yes" if i % 2 else "no"}
        for i in range(n)
    ]  # fmt: skip


def test_a_word_that_tells_is_learnt(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(100, lambda i: "good" if i % 2 else "bad"))
    judge = make_judge("classifier", {"path": str(path)})
    verdicts = judge.judge("", ["What?"] * 2, ["It is good", "It is bad"])
    assert verdicts[0].score > 0.7 > 0.3 > verdicts[1].score
    about = judge.about()
    assert about["held_out_accuracy"] == 1
    assert about["held_out_n"] == 20
    assert about["n"] == 100


def test_labels_by_chance_give_no_accuracy(tmp_path):
    draw = random.Random(1)
    chance = [{**row, "label": draw.choice(["yes", "no"])} for row in rows(400, lambda _: "so")]
    about = make_judge("classifier", {"path": str(write(tmp_path / "a.jsonl", chance))}).about()
    assert about["held_out_kappa"]["ci_low"] < 0 < about["held_out_kappa"]["ci_high"]


def test_no_question_is_on_both_sides(tmp_path):
    # the question alone tells the label, and each question has one: nothing can be learnt of a held-out one
    items = [
        {"question": f"{q}", "answer": f"{a}", "label": str(int(q[-1] in "02468"))}
        for q in (f"case{i}" for i in range(60))
        for a in "abcd"
    ]
    about = make_judge("classifier", {"path": str(write(tmp_path / "a.jsonl", items))}).about()
    assert about["held_out_accuracy"] < 0.75


def test_the_three_forms(tmp_path):
    tuned = [{"prompt": "Q: Why?\nA: So,\nthere.\nTrue:", "completion": " yes"},
             {"prompt": "Q: Why?\nA: I don't know.\nHelpful:", "completion": " no"}]  # fmt: skip
    items = labelled(write(tmp_path / "tuned.jsonl", tuned))
    assert [(i.question, i.answer, i.meets) for i in items] == [
        ("Why?", "So,\nthere.", True), ("Why?", "I don't know.", False),
    ]  # fmt: skip
    table = tmp_path / "t.csv"
    table.write_text("Question,Correct Answers,Incorrect Answers\nWhy?,So; Thus,Not\n")
    assert [(i.answer, i.meets) for i in labelled(table)] == [("So", True), ("Thus", True), ("Not", False)]
    table.write_text("question,answer,label\nWhy?,So,maybe\n")
    with pytest.raises(DataError, match="has the label 'maybe'"):
        labelled(table)
    with pytest.raises(DataError, match="is no judgment"):
        labelled(write(tmp_path / "b.jsonl", [{"prompt": "Why?", "completion": " yes"}]))


def test_too_little_is_refused(tmp_path):
    with pytest.raises(JudgeError, match="too few labelled judgments"):
        make_judge("classifier", {"path": str(write(tmp_path / "a.jsonl", rows(30, str)))}).judge("", ["q"], ["a"])
    with pytest.raises(JudgeError, match="no file of labelled judgments"):
        make_judge("classifier", {"path": str(tmp_path / "none.csv")}).judge("", ["q"], ["a"])


def test_other_labels_make_another_judge(tmp_path):
    path = write(tmp_path / "a.jsonl", rows(60, str))
    judge = make_judge("classifier", {"path": str(path)})
    before, copy = judge.identity(), write(tmp_path / "b.jsonl", rows(60, str))
    assert make_judge("classifier", {"path": str(copy)}).identity() == before
    write(path, rows(62, str))
    assert judge.identity() != before


@pytest.mark.skipif(not (PUBLISHED / "truthfulqa").is_dir(), reason="no published data; set STEERSTACK_DATA")
def test_on_truthfulqa_it_is_better_than_chance_and_no_more():
    about = make_judge("classifier", {"path": str(PUBLISHED / "truthfulqa" / "TruthfulQA.csv")}).about()
    assert about["commoner_label"] + 0.1 < about["held_out_accuracy"] < 0.85
    assert about["held_out_kappa"]["ci_low"] > 0.2
