"""Labelled judgments out of files: questions, answers, and whether the answer meets the criterion."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from steerstack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from steerstack.data.table_files import Row
    from steerstack.measure.judge import Labelled

_PROMPT = re.compile(r"Q:\s*(?P<question>.*?)\nA:\s*(?P<answer>.*)\n(?:True|Helpful):\s*", re.DOTALL)
_MEANING = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def labelled(path: Path) -> list[Labelled]:
    r"""Labelled answers of a file.

    Three forms: the fine-tuning files of TruthfulQA (``prompt``: ``Q: ...\nA: ...\nTrue:``,
    ``completion``: `` yes`` or `` no``; Lin et al., arXiv 2109.07958, section 3.3); ``TruthfulQA.csv``
    (its correct answers are true, its incorrect ones are not); and rows of ``question``,
    ``answer`` and ``label`` (yes or no, true or false, 1 or 0).

    Raises
    ------
    DataError
        A row is of none of these forms.
    """
    from steerstack.data.table_files import rows

    return [item for number, row in enumerate(rows(path), 1) for item in _of(path, number, row)]


def _of(path: Path, number: int, row: Row) -> Iterator[Labelled]:
    from steerstack.data.table_files import cell
    from steerstack.measure.judge import Labelled

    if "Correct Answers" in row:
        question = cell(path, number, row, "Question")
        for column, meets in (("Correct Answers", True), ("Incorrect Answers", False)):
            for part in cell(path, number, row, column).split(";"):
                if part.strip():
                    yield Labelled(question, part.strip(), meets)
    elif "completion" in row:
        match = _PROMPT.fullmatch(cell(path, number, row, "prompt"))
        if match is None:
            raise DataError(
                f"Row {number} of {path} is no judgment.", seen=str(row["prompt"])[:80], fix="Q: ...\\nA: ...\\nTrue:"
            )
        yield Labelled(match["question"], match["answer"].strip(), _label(path, number, row, "completion"))
    else:
        question, answer = cell(path, number, row, "question"), cell(path, number, row, "answer")
        yield Labelled(question, answer, _label(path, number, row, "label"))


def _label(path: Path, number: int, row: Row, name: str) -> bool:
    text = str(row.get(name)).strip().casefold()
    if text not in _MEANING:
        raise DataError(f"Row {number} of {path} has the {name} {text!r}.", fix=f"Write {', '.join(_MEANING)}.")
    return _MEANING[text]
