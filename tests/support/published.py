"""Rows of published sets that are cheap to measure."""

import json
from pathlib import Path
from typing import Any


def short_questions(mc_task: Path, folder: Path, n: int) -> tuple[Path, list[dict[str, Any]]]:
    """The questions of TruthfulQA with the fewest and shortest answers, two or more on either side.

    They are written to a file of the same form in ``folder``: the file, and its rows.
    """

    def size(row: dict[str, Any]) -> tuple[int, int]:
        answers = {*row["mc1_targets"], *row["mc2_targets"]}
        return len(answers), sum(map(len, answers))

    rows = json.loads(mc_task.read_text(encoding="utf-8-sig"))
    rows = [row for row in rows if 2 <= sum(row["mc2_targets"].values()) <= len(row["mc2_targets"]) - 2]
    short = sorted(rows, key=size)[:n]
    file = folder / "mc_task.json"
    file.write_text(json.dumps(short), encoding="utf-8")
    return file, short
