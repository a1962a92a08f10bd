"""Tables in every shape in which they are written give the same rows; what is no table is refused by its cause."""

import json
import os

import pytest

from steerstack.data.table_files import cell, first_row, optional, rows
from steerstack.errors import DataError

ROWS = [{"question": "One?", "exhibits": "a, b", "not": "c"}, {"question": "Two?\nYes?", "exhibits": "d", "not": 'e"f'}]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
QUOTED = 'question{0}exhibits{0}not\nOne?{0}"a, b"{0}c\n"Two?\nYes?"{0}d{0}"e""f"\n'
SHAPES = {
    "list.json": json.dumps(ROWS),
    "lines.jsonl": "\n".join(map(json.dumps, ROWS)) + "\n",
    "windows.jsonl": "\r\n".join(map(json.dumps, ROWS)),
    "mark.jsonl": "\ufeff" + "\n".join(map(json.dumps, ROWS)),
    "joined.jsonl": "\ufeff" + "\n\ufeff".join(map(json.dumps, ROWS)),
    "pretty.jsonl": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "pretty.json": json.dumps(ROWS, indent=4),
    "nested.json": json.dumps({"name": "duty", "version": 2, "items": ROWS, "authors": []}),
    "lists.json": json.dumps(COLUMNS),
    "columns.json": json.dumps({name: {str(i): v for i, v in enumerate(of)} for name, of in COLUMNS.items()}),
    "named.json": json.dumps({name: dict(zip("xy", of, strict=True)) for name, of in COLUMNS.items()}),
    "index.json": json.dumps({str(i): row for i, row in enumerate(ROWS)}),
    "by-name.json": json.dumps(dict(zip(("first", "second"), ROWS, strict=True))),
    "split.json": json.dumps({"columns": list(COLUMNS), "index": [0, 1], "data": [list(row.values()) for row in ROWS]}),
    "table.json": json.dumps({"schema": {"fields": []}, "data": ROWS}),
    "table.csv": QUOTED.format(","),
    "spaces.csv": QUOTED.format(",").replace("exhibits,", " exhibits ,", 1),
    "mark.csv": "\ufeff" + QUOTED.format(","),
    "semicolons.csv": QUOTED.format(";"),
    "tabs.csv": QUOTED.format("\t"),
    "table.tsv": QUOTED.format("\t"),
}
BROKEN = {
    "several.json": (json.dumps({"train": ROWS, "test": ROWS}), "several tables: 'train' of 2 rows"),
    "object.json": (json.dumps({"a": {"x": 1}, "b": {"y": 1}}), "which are rows is not clear"),
    "uneven.json": (json.dumps({**COLUMNS, "not": ["c"]}), "columns differ in length"),
    "other-rows.json": (json.dumps({"question": {"0": "a"}, "not": {"1": "b"}}), "other rows"),
    "split.json": (json.dumps({"columns": ["a", "b"], "data": [[1]]}), "1 cells for 2 columns"),
    "twice.json": (json.dumps({"columns": ["a", "a"], "data": [[1, 2]]}), "two of its columns"),
    "cells.json": ('[["question", "not"]]', "row 1 is a list"),
    "mixed.jsonl": ('{"question": "a"}\n3', "row 2 is a number"),
    "text.json": ('["a"]', "row 1 is text"),
    "null.json": ("null", "nothing"),
    "nested.json": ("[" * 50_000, "nest too deeply"),
    "deep.jsonl": ('{"a":' * 50_000, "nest too deeply"),
    "digits.json": ('[{"a": ' + "9" * 5000 + "}]", "digits"),
    "keys.jsonl": ('{"a": 1, "a": 2}', "'a' stands twice"),
    "names.csv": ("question,not,not\na,b,c\n", "two columns are called 'not'"),
    "quote.csv": ('question,not\n"a,b\nc,d\n', "line 3"),
    "cell.csv": ("question,not\na," + "b" * 200_000 + "\n", "field larger than"),
    "cut.jsonl": ('{"a": 1}\n{"a": ', "line 2"),
    "cut.json": ('[{"a": 1},\n{"a"', "line 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_gives_the_same_rows(tmp_path, name):
    (tmp_path / name).write_text(SHAPES[name], encoding="utf-8")
    assert rows(tmp_path / name) == ROWS
    assert first_row(tmp_path / name) == ROWS[0]


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_table_is_refused_by_its_cause(tmp_path, name):
    text, cause = BROKEN[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=cause):
        rows(tmp_path / name)
    assert first_row(tmp_path / name) == {}


def test_a_file_of_another_encoding_or_kind_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[]", encoding="utf-16")
    os.mkfifo(tmp_path / "b.json")
    (tmp_path / "c.csv").symlink_to("/dev/zero")
    for name, cause in [("a.json", "utf-8"), ("b.json", "a pipe"), ("c.csv", "a device"), ("d.csv", "No such file")]:
        with pytest.raises(DataError, match=cause):
            rows(tmp_path / name)


def test_a_file_that_was_written_again_is_read_again(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a\nfirst\n")
    assert rows(path) == [{"a": "first"}]
    path.write_text("a\nthe second\n")
    assert rows(path) == [{"a": "the second"}]


@pytest.mark.parametrize(("value", "seen"), [(5, "a number: 5"), (True, "true or false: True"), (["a"], "a list")])
def test_a_cell_that_is_no_text_is_named_with_its_row(tmp_path, value, seen):
    with pytest.raises(DataError, match=r"Row 4 of .* has no 'not' that is text") as caught:
        cell(tmp_path, 4, {"not": value}, "not")
    assert seen in str(caught.value)


def test_optional_cells(tmp_path):
    assert optional(tmp_path, 1, {"a": "", "b": " x "}, "a", "b") == "x"
    assert optional(tmp_path, 1, {"id": 7}, "id") == "7"
    assert optional(tmp_path, 1, {"a": None}, "a", "b") is None
    for value in (True, 1.5, ["x"], {"x": 1}):
        with pytest.raises(DataError, match=r"Row 3 .* no 'id' that is text"):
            optional(tmp_path, 3, {"id": value}, "id")
