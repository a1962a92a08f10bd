"""Four-way accuracy against plain forward passes; the shipped questions are sound."""

import csv
import math
from collections import Counter

import numpy as np
import pytest
from tests.plugins.metrics.plain import everywhere, in_chat, token_logps

from steerstack.errors import DataError
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.common.sources import shipped
from steerstack_plugins.metrics.mmlu import MMLU, read_questions

HEAD = "question,choice0,choice1,choice2,choice3,answer\n"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "easy_sums_test.csv"
    path.write_text(HEAD + "1+1?,1,2,3,4,1\n2+2?,4,5,6,7,A\n3+3?,4,5,7,6,3\n")
    return path


RIGHT = [1, 0, 3]


def prompts(path, form):
    for row in csv.DictReader(path.read_text().splitlines()):
        q, options = row["question"], [row[f"choice{i}"] for i in range(4)]
        if form == "chat":
            yield q + "\n\nChoices:\n" + "\n".join(f" ({x}) {o}" for x, o in zip("ABCD", options, strict=True)), options
        else:
            listed = "".join(f"\n{x}. {o}" for x, o in zip("ABCD", options, strict=True))
            head = "The following are multiple choice questions (with answers) about easy sums.\n\n"
            yield f"{head}{q}{listed}\nAnswer:", options


def scores(model, path, form, plan):
    for prompt, options in prompts(path, "chat" if form == "chat" else "plain"):
        if form == "chat":
            yield [sum(in_chat(model, prompt, x, plan, prefix="(")) for x in "ABCD"]
        elif form == "plain":
            yield [sum(token_logps(model, prompt, f" {x}", plan)) for x in "ABCD"]
        else:
            question = prompt.split("\n\n")[1].split("\n")[0]
            yield [float(np.mean(in_chat(model, question, o, plan))) for o in options]


@pytest.mark.parametrize("form", ["chat", "plain", "text"])
def test_equals_its_definition(llama, table, form):
    metric = MMLU(data=str(table), chat=form != "plain", score="text" if form == "text" else "letter")
    plans = [Plan(), everywhere(llama)]
    for plan, arm in zip(plans, metric.measure(llama, plans), strict=True):
        letters = []
        for place, (s, right) in enumerate(zip(scores(llama, table, form, plan), RIGHT, strict=True)):
            p = math.exp(s[right]) / sum(map(math.exp, s))
            assert arm.values["accuracy"][place] == float(s.index(max(s)) == right)
            assert arm.values["p_correct"][place] == pytest.approx(p, abs=1e-4)
            assert arm.values["log_odds"][place] == pytest.approx(math.log(p / (1 - p)), abs=2e-4)
            letters.append("ABCD"[s.index(max(s))])
        if form != "text":
            assert [arm.confounds[f"chosen_{x}"] for x in "ABCD"] == [letters.count(x) / 3 for x in "ABCD"]
    assert arm.about["subjects"] == ["easy sums"]


def test_a_folder_is_read_row_by_row_in_turn(table):
    (table.parent / "b_test.csv").write_text(HEAD + "Q1,a,b,c,d,0\nQ2,a,b,c,d,2\n")
    ids = [item.id for item in read_questions(table.parent)]
    assert ids == ["b_test-1", "easy_sums_test-1", "b_test-2", "easy_sums_test-2", "easy_sums_test-3"]
    assert len(MMLU(data=str(table.parent), limit=3).items()[0]) == 3


@pytest.mark.parametrize("answer", ["4", "E", "AB", "1.0"])
def test_an_answer_that_names_no_option_is_refused(tmp_path, answer):
    path = tmp_path / "x.csv"
    path.write_text(f"{HEAD}Q,a,b,c,d,{answer}\n")
    with pytest.raises(DataError, match="Row 1"):
        MMLU(data=str(path)).items()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no CSV files"):
        MMLU(data=str(tmp_path / "empty")).items()


def test_the_shipped_questions_are_the_default_and_balanced():
    items, origin = MMLU().items()
    assert origin == "steerstack:general-knowledge"
    assert len(items) >= 40
    assert set(Counter(item.exhibits for item in items).values()) == {len(items) // 4}
    assert all(len(set(item.options)) == 4 for item in items)
    rows = list(csv.DictReader(shipped("general-knowledge.csv").read_text(encoding="utf-8").splitlines()))
    answers_by_question = {row["question"]: row[f"choice{row['answer']}"] for row in rows}
    assert answers_by_question["What is the capital of Australia?"] == "Canberra"
    assert len(answers_by_question) == len(rows)
