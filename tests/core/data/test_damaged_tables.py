"""Damaged tables are read or refused, whatever was done to them; fixed seeds, a second's work."""

import json
import random

import pytest
from tests.support.mutate import mutated

from steerstack.catalog.data import load_data
from steerstack.errors import DataError

ROWS = [
    {"question": f"Number {i}?\n (A) tea {i}\n (B) milk {i}", "answer_matching_behavior": "(A)",
     "answer_not_matching_behavior": "(B)", "choices": [f"tea {i}", f"milk {i}"]} for i in range(4)
]  # fmt: skip
TABLE = [{"question": f"Q{i}, or?", "exhibits": f"yes, {i}", "not": f'no "{i}"'} for i in range(4)]
PREFERENCES = [
    {"prompt": [{"role": "user", "content": f"Q{i}?"}], "chosen": f"a{i}", "rejected": f"b{i}"} for i in range(4)
]
KEYS = [{"question": f"Q{i}?", "choices": {"A": f"x{i}", "B": f"y{i}"}, "answer": "AB"[i % 2]} for i in range(4)]
FILES = {
    "choices.jsonl": "\n".join(map(json.dumps, ROWS)),
    "choices.json": json.dumps(ROWS),
    "table.csv": "question,exhibits,not\n" + "".join(f'Q{i}?,"yes, {i}",no {i}\n' for i in range(4)),
    "table.tsv": "question\texhibits\tnot\n" + "".join(f"Q{i}?\tyes {i}\tno {i}\n" for i in range(4)),
    "columns.json": json.dumps({name: {str(i): row[name] for i, row in enumerate(TABLE)} for name in TABLE[0]}),
    "split.json": json.dumps({"columns": list(TABLE[0]), "data": [list(row.values()) for row in TABLE]}),
    "preferences.json": json.dumps(PREFERENCES, indent=1),
    "keys.jsonl": "\n".join(map(json.dumps, KEYS)),
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_bytes(tmp_path, name):
    path, refused = tmp_path / name, 0
    path.write_text(FILES[name])
    assert len(load_data(path, behavior="x", matching="exhibits")) == 4
    for seed in range(60):
        path.write_bytes(mutated(FILES[name].encode(), seed))
        try:
            assert len(load_data(path, behavior="x", matching="exhibits")) > 0
        except DataError as error:
            refused += bool(error.happened)
    assert refused > 5


VALUES = (None, True, 0, -1, 1.5, 10**30, "", " ", "A", "(A)", "Yes", "\ud800", "[", "['a'", [], [None], ["A", "B"], [[]],
          {}, {"A": 1}, {"A": "a", "a": "b"}, {"text": ["a"], "label": []}, "[" * 5000, {"role": "user"})  # fmt: skip


@pytest.mark.parametrize("rows", [ROWS, TABLE, PREFERENCES, KEYS], ids=["choices", "table", "preferences", "keys"])
def test_cells_that_hold_anything(tmp_path, rows):
    draw, path = random.Random(0), tmp_path / "f.jsonl"
    for _ in range(150):
        changed = [dict(row) for row in rows]
        for _ in range(draw.randint(1, 3)):
            row = draw.choice(changed)
            key = draw.choice([*row, "system", "id", "topic", "letter"])
            row[key] = draw.choice(VALUES)
            if draw.random() < 0.2:
                del row[key]
        path.write_text("\n".join(map(json.dumps, changed)))
        try:
            for item in load_data(path, behavior="x", matching="exhibits"):
                assert item.exhibits_text.strip() != item.contrast_text.strip()
        except DataError as error:
            assert "row" in str(error).lower() or "item" in str(error).lower() or str(path) in str(error)  # noqa: PT017
