"""Tables of one's own: the columns say the polarity, and the letters are balanced."""

import csv
import json

import pytest

from steerstack.catalog.data import load_data
from steerstack.errors import DataError
from steerstack_plugins.datasets.tables import Tables

ROW = {"question": "Shall we, now?", "exhibits": 'We "must"', "not": "We need not"}


def write(path, rows, encoding="utf-8"):
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding=encoding) as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding=encoding)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding=encoding)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_every_form_reads_the_same_with_and_without_a_mark(tmp_path, suffix, encoding):
    rows = [ROW, {**ROW, "question": "Über\ntwo lines?"}]
    path = write(tmp_path / f"duty{suffix}", rows, encoding)
    assert Tables().recognises(path)
    data = Tables().load(path)
    assert (data.behavior, data.source, data.polarity) == ("duty", str(path), "the answer in the column exhibits")
    assert [(i.id, i.question, i.exhibits_text, i.contrast_text, i.form) for i in data] == [
        (f"duty-{n}", row["question"], 'We "must"', "We need not", "text") for n, row in enumerate(rows, 1)
    ]
    assert load_data(path).digest == data.digest
    assert load_data(path, behavior="must").behavior == "must"


def test_optional_columns(tmp_path):
    full = {**ROW, "id": "x1", "topic": "work", "system": "Be stern.", "group": "g", "letter": "B"}
    bare = {**ROW, "id": "", "topic": "", "system": "", "group": "", "letter": "A"}
    one, two = Tables().load(write(tmp_path / "t.csv", [full, bare]))
    assert (one.id, one.topic, one.system, one.exhibits, one.contrast) == ("x1", "work", "Be stern.", 1, 0)
    assert (two.id, two.topic, two.system, two.exhibits, two.contrast) == ("t-2", "", None, 0, 1)
    assert (one.group, two.group) == ("g", "")
    assert one.listed() == 'Shall we, now?\n\nChoices:\n (A) We need not\n (B) We "must"'


def test_letters_are_drawn_from_the_content_and_even(tmp_path):
    rows = [{**ROW, "question": f"Shall we {i}?"} for i in range(20)]
    first = Tables().load(write(tmp_path / "a.jsonl", rows))
    again = Tables().load(write(tmp_path / "b.csv", rows[::-1]))
    assert {i.question: i.exhibits for i in first} == {i.question: i.exhibits for i in again}
    assert sum(i.exhibits for i in first) == 10


@pytest.mark.parametrize("letter", ["C", "a", "exhibits", "1"])
def test_a_letter_that_is_neither_a_nor_b_is_refused(tmp_path, letter):
    with pytest.raises(DataError, match=r"[Rr]ow 1"):
        Tables().load(write(tmp_path / "t.csv", [{**ROW, "letter": letter}]))


@pytest.mark.parametrize("missing", ["question", "exhibits", "not"])
def test_a_missing_cell_is_named_with_its_row(tmp_path, missing):
    for path, value in [("t.csv", ""), ("t.jsonl", None), ("t.jsonl", 3), ("t.csv", "  ")]:
        with pytest.raises(DataError, match=rf"Row 2 of .* has no '{missing}'"):
            Tables().load(write(tmp_path / path, [ROW, {**ROW, missing: value}]))


def test_a_row_with_too_few_cells_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("question,exhibits,not\nShall we?,yes,no\nShall they?,yes\n")
    with pytest.raises(DataError, match=r"Row 2 of .* has no 'not'"):
        Tables().load(tmp_path / "t.csv")


def test_an_unquoted_comma_is_not_swallowed(tmp_path):
    (tmp_path / "t.csv").write_text("question,exhibits,not\nShall we?,yes, we shall,no\n")
    with pytest.raises(DataError, match=r"[Rr]ow 1"):
        Tables().load(tmp_path / "t.csv")


def test_other_columns_are_not_recognised(tmp_path):
    assert not Tables().recognises(write(tmp_path / "t.csv", [{"question": "a", "exhibits": "b"}]))
    (tmp_path / "t.txt").write_text(json.dumps(ROW))
    assert not Tables().recognises(tmp_path / "t.txt")
    with pytest.raises(DataError, match="no format that steerstack knows") as caught:
        load_data(tmp_path / "t.txt")
    assert "columns question, exhibits, not" in str(caught.value)


def test_one_id_twice_is_refused(tmp_path):
    with pytest.raises(DataError, match="two items called 'x'"):
        Tables().load(write(tmp_path / "t.csv", [{**ROW, "id": "x"}, {**ROW, "id": "x", "question": "Again?"}]))


def test_a_table_cut_short_is_refused_and_the_line_named(tmp_path):
    path = write(tmp_path / "t.jsonl", [ROW, ROW])
    path.write_text(path.read_text()[:-15])
    with pytest.raises(DataError, match="not valid JSON") as caught:
        load_data(path)
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0c"])
@pytest.mark.parametrize("column", ["question", "not"])
def test_a_line_separator_inside_a_cell_does_not_end_the_row(tmp_path, mark, column):
    path = write(tmp_path / "t.csv", [{**ROW, column: f"one{mark}two"}, ROW])
    first, second = Tables().load(path)
    assert {"question": first.question, "not": first.contrast_text}[column] == f"one{mark}two"
    assert second.question == ROW["question"]


def test_half_a_surrogate_pair_is_refused_as_data(tmp_path):
    with pytest.raises(DataError):
        Tables().load(write(tmp_path / "t.jsonl", [{**ROW, "question": "Broken \ud83d?"}]))


def test_an_unknown_behaviour_or_file_is_named(tmp_path):
    with pytest.raises(DataError, match="no file or behaviour 'sycophansy'") as caught:
        load_data("sycophansy")
    assert "did you mean 'sycophancy'" in str(caught.value)
    with pytest.raises(DataError, match="There is no data file"):
        load_data(tmp_path / "none.csv")
