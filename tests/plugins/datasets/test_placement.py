"""Labels and options in every spelling lead to the same items; a row that cannot be placed is refused with its place."""

import csv
import json

import pytest

from steerstack.catalog.data import load_data
from steerstack.errors import DataError, PolarityError

TEXTS = (("It is the best!", "One part is weak."), ("Yes, go!", "No, stay."), ("Tea is fine.", "Tea, wonderful!"))
MATCH = (0, 1, 0)
STYLES = {" (A) ": "AB", "(A) ": "AB", "A) ": "AB", "A. ": "AB", "A: ": "AB", "[A] ": "AB",
          "(a) ": "ab", "a) ": "ab", "(1) ": "12", "1. ": "12", "1) ": "12"}  # fmt: skip
SPELLINGS = ("({})", " ({})", "{}", " {}", "{}.", "{})", "[{}]", "{}:")


def question(i, style=None):
    if style is None:
        return f"Number {i}?"
    labels = STYLES[style]
    lines = [style.replace(style.strip(" ().:[]"), labels[k]) + TEXTS[i][k] for k in (0, 1)]
    return f"Number {i}?\n\nChoices:\n" + "\n".join(lines)


def write(path, found):
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(found[0]))
            writer.writeheader()
            writer.writerows(found)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in found))
    return path


def load(path, **options):
    return load_data(path, **({"behavior": "x", "matching": "exhibits"} | options))


def matching(i, yes, no, **more):
    return {"question": question(i), "answer_matching_behavior": yes, "answer_not_matching_behavior": no, **more}


def answers(data):
    return [(item.exhibits_text, item.contrast_text) for item in data]


RIGHT = [(TEXTS[i][MATCH[i]], TEXTS[i][1 - MATCH[i]]) for i in range(3)]
ASKED = [question(i, " (A) ") for i in range(3)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_lists_and_labels_asks_the_same(tmp_path, style, spelling):
    marks = STYLES[style]
    table = [
        matching(i, spelling.format(marks[MATCH[i]]), spelling.format(marks[1 - MATCH[i]])) | {"question": question(i, style)}
        for i in range(3)
    ]  # fmt: skip
    data = load(write(tmp_path / "f.jsonl", table))
    assert answers(data) == RIGHT
    assert [item.form for item in data] == ["choice"] * 3
    if style != "(A) ":  # that one is kept verbatim
        assert [item.listed() for item in data] == ASKED
    note = "asked with (A)" in " ".join(data.notes)
    assert note == (style not in (" (A) ", "(A) "))


@pytest.mark.parametrize("spell", [lambda i, k: f"{'AB'[k]}: {TEXTS[i][k]}", lambda i, k: f"({'AB'[k]}) {TEXTS[i][k]}",
                                   lambda i, k: f" {TEXTS[i][k].upper()}  ", lambda i, k: {"AB"[k]: TEXTS[i][k]},
                                   lambda i, k: ["AB"[k]], lambda i, k: 1 + k])  # fmt: skip
def test_answers_by_label_and_text_by_text_alone_in_objects_and_lists(tmp_path, spell):
    style = "1. " if spell(0, 0) == 1 else "A. "
    table = [
        matching(i, spell(i, MATCH[i]), spell(i, 1 - MATCH[i])) | {"question": question(i, style)} for i in range(3)
    ]
    assert answers(load(write(tmp_path / "f.jsonl", table))) == RIGHT


COLUMNS = {
    "answers": lambda i: dict(zip("AB", TEXTS[i], strict=True)),
    "answer": lambda i: dict(zip("AB", TEXTS[i], strict=True)),
    "choices": lambda i: list(TEXTS[i]),
    "options": lambda i: [f"({m}) {t}" for m, t in zip("AB", TEXTS[i], strict=True)],
    "answer_choices": lambda i: [{"label": m, "text": t} for m, t in zip("AB", TEXTS[i], strict=True)],
    "answer_options": lambda i: {"text": list(TEXTS[i]), "label": ["A", "B"]},
}


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_options_beside_the_question(tmp_path, column, suffix):
    pack = json.dumps if suffix == "csv" else (lambda value: value)
    table = [
        matching(i, "AB"[MATCH[i]], "AB"[1 - MATCH[i]], system="Be brief.", topic="t") | {column: pack(COLUMNS[column](i))}
        for i in range(3)
    ]  # fmt: skip
    data = load(write(tmp_path / f"f.{suffix}", table))
    assert answers(data) == RIGHT
    assert [item.listed() for item in data] == ASKED
    assert {(item.system, item.topic) for item in data} == {("Be brief.", "t")}


def test_tables_place_labels_and_texts_too(tmp_path):
    table = [
        {"question": question(i, "A) "), "exhibits": "AB"[MATCH[i]], "not": TEXTS[i][1 - MATCH[i]]} for i in range(3)
    ]
    assert answers(load(write(tmp_path / "f.csv", table))) == RIGHT


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("name", ["answer", "label", "answerKey"])
def test_choices_and_answer_by_number_letter_and_text(tmp_path, first, name):
    options = [("a", "b", "c", "d"), ("e", "f", "g", "h"), ("i", "j", "k", "l")]
    right = [3, 0, 2]
    for spell in (lambda i: right[i] + first, lambda i: "ABCD"[right[i]], lambda i: options[i][right[i]] + " "):
        table = [{"question": question(i), "choices": options[i], name: spell(i)} for i in range(3)]
        data = load(write(tmp_path / "f.jsonl", table))
        assert answers(data) == [("d", "a"), ("e", "f"), ("k", "i")]
        assert "first of the other options" in data.notes[-1]
        turned = load(write(tmp_path / "f.jsonl", table), matching="declines")
        assert answers(turned) == [("a", "d"), ("f", "e"), ("i", "k")]
    with pytest.raises(PolarityError, match="Nobody says"):
        load_data(tmp_path / "f.jsonl")


def test_columns_by_letter(tmp_path):
    table = [{"question": question(i), "A": TEXTS[i][0], "B": TEXTS[i][1], "answer": "AB"[MATCH[i]]} for i in range(3)]
    assert answers(load(write(tmp_path / "f.csv", table))) == RIGHT


def turn(role, content):
    return {"role": role, "content": content}


@pytest.mark.parametrize("form", ["text", "conversation", "whole", "implicit", "system"])
def test_preferences_in_text_and_in_conversations(tmp_path, form):
    table = []
    for i, (yes, no) in enumerate(RIGHT):
        turns = [turn("user", question(i))]
        if form == "system":
            turns = [turn("system", "Be brief."), *turns]
        sides = (yes, no) if form == "text" else [[turn("assistant", text)] for text in (yes, no)]
        if form in ("whole", "implicit"):
            sides = [[*turns, *side] for side in sides]
        row = dict(zip(("chosen", "rejected"), sides, strict=True))
        table.append(
            row if form == "implicit" else {"prompt": question(i) if form in ("text", "whole") else turns, **row}
        )
    data = load(write(tmp_path / "f.jsonl", table))
    assert answers(data) == RIGHT
    assert [item.question for item in data] == [question(i) for i in range(3)]
    assert {item.system for item in data} == {"Be brief." if form == "system" else None}
    with pytest.raises(PolarityError, match="Nobody says"):
        load_data(tmp_path / "f.jsonl")


LISTED = question(0, "A. ")
BAD = {
    "labels of nothing": (matching(0, "A", "B"), "lists no options"),
    "brackets of nothing": (matching(0, "(1)", "(2)"), "lists no options"),
    "numbers in a line": (matching(0, "1", "2") | {"question": "Which? 1) tea 2) milk"}, "lists no options"),
    "no such label": (matching(0, "A", "C") | {"question": LISTED}, "names none of its options"),
    "other words": (matching(0, "A", "Neither") | {"question": LISTED}, "names none of its options"),
    "label and text disagree": (matching(0, "B: It is the best!", "A") | {"question": LISTED}, "names none"),
    "the same twice": (matching(0, "A", "It is the best!") | {"question": LISTED}, "same option twice"),
    "two labels match": (matching(0, ["A", "B"], "B") | {"question": LISTED}, "several answers"),
    "an object of two": (matching(0, {"A": "x", "B": "y"}, "B"), "that is text"),
    "true": (matching(0, True, "B") | {"question": LISTED}, "that is text"),
    "a number": (matching(0, 4, 5), "by a number"),
    "other options": (matching(0, "A", "B", choices=["x", "y"]) | {"question": LISTED}, "other options in its question"),
    "two columns": (matching(0, "A", "B", choices=["x", "y"], options=["x", "z"]), "several columns"),
    "options that are numbers": (matching(0, "A", "B", choices=[1, 2]), "not text"),
    "labels unknown": (matching(0, "x1", "y1", choices={"x1": "a", "y1": "b"}), "labels in 'choices'"),
    "a label twice": (matching(0, "A", "B", choices={"A": "a", "a": "b"}), "labels in 'choices'"),
    "numbers from where": (matching(0, "1", "2", choices=["x", "y", "z"]), "count from 0 or from 1"),
    "too many": (matching(0, "A", "B", choices=[f"option {i}" for i in range(27)]), "too many options"),
    "Yes and another": (matching(0, "yes", "Maybe"), "do not make a pair"),
    "system that is a list": (matching(0, "go", "stay", system=["x"]), "'system' that is text"),
    "a table of labels": ({"question": "Q?", "exhibits": "A", "not": "B"}, "lists no options"),
    "a table of the same": ({"question": "Q?", "exhibits": "go ", "not": "go"}, "are the same, 'go'"),
    "an answer of none": ({"question": "Q?", "choices": ["x", "y"], "answer": "z"}, "names none"),
    "an answer from where": ({"question": "Q?", "choices": ["x", "y", "z"], "answer": 2}, "count from 0 or from 1"),
    "one option": ({"question": "Q?", "choices": ["x", "x"], "answer": "A"}, "several|one option"),
    "turns": ({"prompt": [turn("user", "a"), turn("assistant", "b"), turn("user", "c")], "chosen": "x", "rejected": "y"},
              "several turns"),
    "no answer": ({"prompt": "a", "chosen": [turn("user", "a")], "rejected": "y"}, "no answer in 'chosen'"),
    "no prompt": ({"chosen": "x", "rejected": "y"}, "no 'prompt'"),
    "two prompts": ({"prompt": "a", "chosen": [turn("user", "b"), turn("assistant", "c")], "rejected": "y"}, "another question"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_placed_is_refused_with_its_row(tmp_path, name):
    row, cause = BAD[name]
    with pytest.raises(DataError, match=cause) as caught:
        load(write(tmp_path / "f.jsonl", [row]))
    text = str(caught.value)
    assert "row 1" in text.lower()
    assert "seen:" in text
    assert "Expected:" in text


def test_words_stay_words(tmp_path):
    texts = [("Two parts of 1) and 2).", "A plan."), ("I", "You and I"), ("12 years", "3 years")]
    table = [matching(i, yes, no) for i, (yes, no) in enumerate([texts[0], texts[2]])]
    table.append(matching(2, "Both are right.", "None is.") | {"question": "Weigh:\n1. tea\n2. milk"})
    data = load(write(tmp_path / "f.jsonl", table))
    assert {item.form for item in data} == {"text"}
    assert answers(data) == [texts[0], texts[2], ("Both are right.", "None is.")]


def test_yes_and_no_in_any_spelling_are_labels(tmp_path):
    data = load(write(tmp_path / "f.jsonl", [matching(0, "yes", "no"), matching(1, " No.", "Yes.")]))
    assert [(item.form, item.exhibits_text, item.contrast_text) for item in data] == [
        ("yes-no", "Yes", "No"), ("yes-no", "No", "Yes"),
    ]  # fmt: skip


@pytest.mark.parametrize("edges", [("", "   "), (" ", ""), ("\t", "\u00a0")])
def test_spaces_at_edges_change_nothing_but_a_note(tmp_path, edges):
    table = [{"question": question(i), "exhibits": yes, "not": no} for i, (yes, no) in enumerate(RIGHT)]
    plain = load(write(tmp_path / "f.csv", table))
    spaced = load(
        write(tmp_path / "f.csv", [row | {"exhibits": edges[0] + row["exhibits"] + edges[1]} for row in table])
    )
    assert spaced.digest == plain.digest
    assert spaced.notes == ("3 texts had spaces at their edges, which were taken off",)
    assert plain.notes == ()


def test_answers_that_are_all_but_the_same_are_named_with_their_share(tmp_path):
    table = [{"question": question(i), "exhibits": yes, "not": no} for i, (yes, no) in enumerate(RIGHT)]
    table.append({"question": "Q?", "exhibits": "Yes,  go!", "not": "yes, go"})
    assert load(write(tmp_path / "f.csv", table)).notes == (
        "1 of 4 items (25%) have answers that differ only in case, spaces or end punctuation: f-4",
    )
