"""TruthfulQA: the official CSV and multiple-choice files, and CAA's two-option version."""

import json
from pathlib import Path
from typing import final

from steerstack.contracts import DataFormat
from steerstack.data.items import LETTERS, DataSet, Item, Layout
from steerstack.data.table_files import SUFFIXES, Row, cell, first_row, rows
from steerstack.errors import DataError
from steerstack.util import digest
from steerstack_plugins.datasets.common.option_list import parse_listed

_MEANING = "states what is true"


@final
class TruthfulQA(DataFormat):
    """Lin et al., arXiv 2109.07958. The true answer exhibits truthfulness.

    ``TruthfulQA.csv``: the best answer against the first incorrect one. ``mc_task.json``: the
    options of MC1, the best answer against the first false one; their listed order is drawn
    from the question, since the file puts the best one first. CAA's ``truthful_qa.json``: as listed.
    """

    name = "truthfulqa"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has the columns of one of the three files."""
        row = first_row(path) if path.suffix in SUFFIXES else {}
        return any(key in row for key in ("mc1_targets", "Best Answer", "correct_full_text"))

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file; ``matching`` is not needed."""
        items, notes = [], []
        for number, row in enumerate(rows(path), 1):
            if row.get("incorrect_full_text") == "":
                notes.append(f"row {number} left out: its false answer is empty")
            else:
                items.append(_item(path, number, row))
        # CAA scores MMLU through the same columns
        name = behavior or ("mmlu-accuracy" if path.stem == "mmlu" else "truthfulness")
        return DataSet(name, tuple(items), _MEANING, str(path), notes=tuple(notes))


def _item(path: Path, number: int, row: Row) -> Item:
    name, topic = f"truthfulqa-{number}", str(row.get("Category") or row.get("category") or "")
    if "mc1_targets" in row:
        targets = row["mc1_targets"]
        labels = list(targets.values()) if isinstance(targets, dict) else []
        if len(labels) < 2 or not all(label in (0, 1) for label in labels) or sum(labels) != 1:
            raise DataError(f"Row {number} of {path} does not mark one true answer.", seen=json.dumps(targets)[:80])
        answers = [(text, label == 1) for text, label in targets.items()]
        return _shuffled(name, cell(path, number, row, "question"), answers, topic)
    if "Best Answer" in row:
        wrong = [part.strip() for part in cell(path, number, row, "Incorrect Answers").split(";")]
        answers = [(cell(path, number, row, "Best Answer"), True), (wrong[0], False)]
        return _shuffled(name, cell(path, number, row, "Question"), answers, topic)
    listing = parse_listed(cell(path, number, row, "prompt"))
    letters = [cell(path, number, row, key).strip(" ()") for key in ("correct", "incorrect")]
    texts = listing.texts if listing else ()
    if listing is None or not set(letters) <= set(LETTERS[: len(texts)]):
        raise DataError(
            f"Row {number} of {path} lists no options that its answers could name.",
            seen=f"{len(texts)} options, answers {letters}",
            fix="Options are lines that begin with (A), (B).",
        )
    places = LETTERS.index(letters[0]), LETTERS.index(letters[1])
    return Item(name, listing.stem, texts, *places, topic=topic, layout=listing.layout)


def _shuffled(name: str, question: str, answers: list[tuple[str, bool]], topic: str) -> Item:
    order = sorted(range(len(answers)), key=lambda i: digest.of_json([question, i]))
    options = tuple(answers[i][0] for i in order)
    best = next(i for i, (_, label) in enumerate(answers) if label)
    wrong = next(i for i, (_, label) in enumerate(answers) if not label)
    return Item(name, question, options, order.index(best), order.index(wrong), "text", topic, Layout())
