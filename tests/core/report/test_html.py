"""The frame of a study: what is written is what was measured, to the last bit, in both files."""

import csv
import math

import pandas as pd

from steerstack.report.html import write_frame

ROWS = [
    {"vector": 'a "quoted", name', "item": "1", "budget": None, "log_odds": 0.1 + 0.2, "effect": 1.0},
    {"vector": "none", "item": "ü", "budget": None, "log_odds": -1e-17, "effect": math.nan},
]


def test_both_files_hold_every_bit(tmp_path):
    parquet, text = write_frame(ROWS, tmp_path)
    with text.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for read in (pd.read_parquet(parquet).to_dict("records"), rows):
        assert [list(row) for row in read] == [list(row) for row in ROWS]
        assert [float(row["log_odds"]) for row in read] == [row["log_odds"] for row in ROWS]
        assert [(row["vector"], row["item"]) for row in read] == [(row["vector"], row["item"]) for row in ROWS]
    assert rows[1]["effect"] == "" or math.isnan(float(rows[1]["effect"]))
