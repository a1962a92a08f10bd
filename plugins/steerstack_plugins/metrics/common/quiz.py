"""Questions with accepted answers and a wrong one, and whether an answer is right."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from steerstack.errors import DataError
from steerstack_plugins.metrics.common import sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from steerstack.data.items import Item
    from steerstack.data.table_files import Row

Matching = Literal["exact", "fuzzy"]
THRESHOLD = 90.0
"""Similarity (0 to 100) from which a fuzzy match counts."""

OWN, MADE_UP = "known-answers.jsonl", "made-up-things.jsonl"
_LETTER = re.compile(r"\(([A-Z])\)|^\W*([A-Z])(?:[).:,]|\s*$)|\banswer is:?\s+([A-Z])\b")
_ABOUT_TRUTH = ("truthfulness", "mmlu-accuracy")


@dataclass(frozen=True)
class Quiz:
    """One question whose answer is known.

    Attributes
    ----------
    id, question:
        The question, with its options where it has them.
    accepted:
        Right answers; empty where the question is about something that does not exist.
    wrong:
        Wrong answers that a user may suggest; may be empty.
    letters:
        The letters of the right and the wrong option, where options are listed.
    """

    id: str
    question: str
    accepted: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    letters: tuple[str, str] | None = None

    def right(self, answer: str, matching: Matching) -> bool:
        """Whether the answer names the right option, or an accepted answer stands in it as whole words."""
        return self._says(answer, self.accepted, 0, matching)

    def names_wrong(self, answer: str, matching: Matching) -> bool:
        """Whether the answer names the wrong option, or a wrong answer stands in it as whole words."""
        return self._says(answer, self.wrong, 1, matching)

    def _says(self, answer: str, texts: Sequence[str], side: int, matching: Matching) -> bool:
        letter = _LETTER.search(answer) if self.letters else None
        if letter and self.letters:
            return self.letters[side] in letter.groups()
        return any(matches(answer, text, matching) for text in texts)


def matches(answer: str, reference: str, matching: Matching) -> bool:
    """Whether the reference stands in the answer, word for word or nearly so."""
    from steerstack_plugins.judges.common.match import exact_match, similarity

    if matching == "exact":
        return exact_match(answer, reference, within=True)
    return similarity(answer, reference, within=True) >= THRESHOLD


def read_quiz(data: str, *, own: str = OWN, limit: int | None = None) -> tuple[list[Quiz], dict[str, object]]:
    """Questions, and where they are from.

    Parameters
    ----------
    data:
        A path; empty for the shipped file ``own``. Rows have ``question``, ``accepted`` (a list, or one
        text) and ``wrong``; of questions about nothing that exists ``question`` is enough where ``own`` is such
        a file. Or it is a truthfulness or MMLU file (published columns, or ``question``, ``choice0``... and
        ``answer``), whose options are then listed.
    own:
        The shipped file.
    limit:
        Number of questions, from the first on.

    Raises
    ------
    DataError
        There is no such file, or a choice file is not about what is true.
    """
    from steerstack.catalog.data import load_data
    from steerstack.data.table_files import first_row, rows
    from steerstack.util import digest

    path = sources.locate(data, "", own) if data else sources.shipped(own)
    row = first_row(path)
    if "accepted" in row or (own == MADE_UP and set(row) <= {"id", "question"}):
        questions = [_of_row(path, number, row, own) for number, row in enumerate(rows(path), 1)]
    elif "choice0" in row:
        questions = [_of_item(_of_choices(path, number, row)) for number, row in enumerate(rows(path), 1)]
    else:
        dataset = load_data(path)
        if dataset.behavior not in _ABOUT_TRUTH:
            raise DataError(
                f"{path} is about {dataset.behavior}: none of its answers is known to be right.",
                fix="Give a truthfulness or MMLU file, or rows with question, accepted and wrong.",
            )
        questions = [_of_item(item) for item in dataset]
    questions = questions[:limit]
    about = {
        "data": sources.origin(path),
        "data_digest": digest.of_json([asdict(q) for q in questions]),
        "n": len(questions),
    }
    return questions, about


def _of_row(path: Path, number: int, row: Row, own: str) -> Quiz:
    from steerstack.data.table_files import cell

    name, question = str(row.get("id") or f"{path.stem}-{number}"), cell(path, number, row, "question")
    quiz = Quiz(name, question, _texts(row.get("accepted")), _texts(row.get("wrong")))
    if not quiz.accepted and own != MADE_UP:
        raise DataError(f"Row {number} of {path} accepts no answer.", fix="Fill in accepted.")
    return quiz


def _of_choices(path: Path, number: int, row: Row) -> Item:
    """A row of MMLU: the option after the right one stands for the wrong ones."""
    from steerstack.data.items import Item
    from steerstack.data.table_files import cell

    names = [name for name in row if name.startswith("choice")]
    answer = str(row.get("answer")).strip()
    if not answer.isdigit() or int(answer) >= len(names):
        raise DataError(f"Row {number} of {path} names no choice.", seen=answer, fix="Count choices from 0.")
    options = tuple(cell(path, number, row, name) for name in names)
    right = int(answer)
    return Item(f"{path.stem}-{number}", cell(path, number, row, "question"), options, right, (right + 1) % len(names))


def _texts(value: Any) -> tuple[str, ...]:
    entries = value if isinstance(value, list) else [value]
    return tuple(str(text).strip() for text in entries if text is not None and str(text).strip())


def _of_item(item: Item) -> Quiz:
    from steerstack.data.items import LETTERS

    letters = (LETTERS[item.exhibits], LETTERS[item.contrast])
    question = f"{item.listed()}\n\nAnswer with the letter of one choice."
    return Quiz(item.id, question, (item.exhibits_text,), (item.contrast_text,), letters)
