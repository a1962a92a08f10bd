"""TruthfulQA in its three forms: the true answer exhibits, wherever it is listed."""

import csv
import json

import pytest

from steerstack.catalog.data import load_data
from steerstack.errors import DataError
from steerstack_plugins.datasets.truthfulqa import TruthfulQA

MC = {
    "question": "What do magnets draw?",
    "mc1_targets": {"Iron": 1, "Wood": 0, "Glass": 0},
    "mc2_targets": {"Iron": 1},
}
OFFICIAL = {"Category": "Physics", "Question": "What do magnets draw?", "Best Answer": "Iron",
            "Correct Answers": "Iron; Nickel", "Incorrect Answers": "Wood; Glass"}  # fmt: skip
CAA = {"prompt": "What do magnets draw?\n (A) Wood\n (B) Iron", "correct": "(B)", "incorrect": "(A)",
       "correct_full_text": "Iron", "incorrect_full_text": "Wood", "category": "Physics"}  # fmt: skip


def write(path, rows, encoding="utf-8"):
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows), encoding=encoding)
    return path


FORMS = {"mc": ("f.json", MC), "official": ("f.csv", OFFICIAL), "caa": ("f.json", CAA)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize(("name", "row"), FORMS.values(), ids=FORMS)
def test_the_true_answer_exhibits(tmp_path, name, row, encoding):
    path = write(tmp_path / name, [row], encoding)
    assert TruthfulQA().recognises(path)
    data = load_data(path)
    (item,) = data
    assert (item.question, item.exhibits_text, item.contrast_text) == ("What do magnets draw?", "Iron", "Wood")
    assert (data.behavior, data.polarity, item.id) == ("truthfulness", "states what is true", "truthfulqa-1")
    assert item.topic == ("" if "mc1_targets" in row else "Physics")


def test_all_options_of_mc1_are_listed(tmp_path):
    (item,) = TruthfulQA().load(write(tmp_path / "f.json", [MC]))
    assert sorted(item.options) == ["Glass", "Iron", "Wood"]
    assert all(f") {option}" in item.listed() for option in item.options)


@pytest.mark.parametrize("form", ["mc", "official"])
def test_the_place_of_the_true_answer_is_drawn_from_the_question(tmp_path, form):
    name, row = FORMS[form]
    key = "question" if form == "mc" else "Question"
    rows = [{**row, key: f"What do magnets draw in year {i}?"} for i in range(300)]
    first = TruthfulQA().load(write(tmp_path / name, rows))
    again = TruthfulQA().load(write(tmp_path / name, rows[::-1]))
    assert {i.question: i.exhibits for i in first} == {i.question: i.exhibits for i in again}
    options = len(first.items[0].options)
    for place in range(options):
        assert abs(sum(i.exhibits == place for i in first) - 300 / options) < 45


def test_caa_s_text_is_kept_verbatim(tmp_path):
    for prompt in (
        CAA["prompt"],
        CAA["prompt"] + "\n\nAnswer:",
        "What do magnets draw?\n\nChoices:\n(A)Wood\n(B) Iron",
    ):
        (item,) = TruthfulQA().load(write(tmp_path / "f.json", [{**CAA, "prompt": prompt}]))
        assert item.listed() == prompt
        assert (item.form, item.exhibits) == ("choice", 1)


def test_a_row_whose_false_answer_is_empty_is_left_out_with_a_note(tmp_path):
    empty = {**CAA, "prompt": "What?\n (A) \n (B) Iron", "incorrect_full_text": ""}
    data = TruthfulQA().load(write(tmp_path / "f.json", [CAA, empty, CAA]))
    assert [i.id for i in data] == ["truthfulqa-1", "truthfulqa-3"]
    assert data.notes == ("row 2 left out: its false answer is empty",)


def test_names_of_behaviours(tmp_path):
    assert TruthfulQA().load(write(tmp_path / "mmlu.json", [CAA])).behavior == "mmlu-accuracy"
    assert TruthfulQA().load(write(tmp_path / "mmlu.json", [CAA]), behavior="knowledge").behavior == "knowledge"


@pytest.mark.parametrize(
    "targets",
    [
        {"Iron": 0, "Wood": 0},
        {"Iron": 1},
        {"Iron": 1, "Wood": 1, "Glass": 0},
        [],
        "Iron",
        {},
        {"a": "x", "b": 1},
        {"Iron": "1", "Wood": "0"},
    ],
)
def test_options_that_do_not_mark_one_true_answer_are_refused(tmp_path, targets):
    with pytest.raises(DataError, match="Row 2"):
        TruthfulQA().load(write(tmp_path / "f.json", [MC, {**MC, "mc1_targets": targets}]))


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("f.json", {**CAA, "prompt": "What do magnets draw?"}), ("f.json", {**CAA, "correct": None}),
        ("f.json", {**CAA, "correct": "(C)"}), ("f.json", {**CAA, "correct": "(A)"}), ("f.json", {**CAA, "correct": "B or A"}),
        ("f.json", {**CAA, "correct": "1"}), ("f.json", {**CAA, "correct": "BC"}), ("f.json", {**MC, "question": ""}),
        ("f.csv", {**OFFICIAL, "Incorrect Answers": ""}), ("f.csv", {**OFFICIAL, "Best Answer": ""}),
        ("f.csv", {**OFFICIAL, "Incorrect Answers": " ; Wood"}),
    ],
)  # fmt: skip
def test_rows_that_make_no_sense_are_refused_with_their_place(tmp_path, name, row):
    good = OFFICIAL if name == "f.csv" else MC if "mc1_targets" in row else CAA
    with pytest.raises(DataError, match=r"Row 2|truthfulqa-2"):
        TruthfulQA().load(write(tmp_path / name, [good, row]))


def test_cut_short_is_refused_and_the_line_named(tmp_path):
    path = write(tmp_path / "f.json", [MC])
    path.write_text(path.read_text()[:-5])
    with pytest.raises(DataError, match="not valid JSON") as caught:
        TruthfulQA().load(path)
    assert "line 1" in str(caught.value)


def test_other_files_are_not_recognised(tmp_path):
    assert not TruthfulQA().recognises(write(tmp_path / "f.json", [{"question": "What?"}]))
    (tmp_path / "f.txt").write_text(json.dumps([MC]))
    assert not TruthfulQA().recognises(tmp_path / "f.txt")
