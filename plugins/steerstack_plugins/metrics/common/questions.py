"""Questions with several true and several false answers, from the published files or our own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from steerstack.data.table_files import SUFFIXES, Row, cell, rows, whole
from steerstack.errors import DataError
from steerstack.util import digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from steerstack.data.items import DataSet

FORMS = ("mc1_targets", "mc2_targets", "Best Answer", "best")
"""Columns by which a file of such questions is told."""


@dataclass(frozen=True)
class OpenQuestion:
    """One question and its reference answers.

    Attributes
    ----------
    id:
        Unique within its file.
    question:
        The question alone.
    best:
        The best answer (MC1).
    rivals:
        False answers that the best one is compared with (MC1).
    true, false:
        All true and all false reference answers (MC2, MC3).
    """

    id: str
    question: str
    best: str
    rivals: tuple[str, ...]
    true: tuple[str, ...]
    false: tuple[str, ...]

    def __post_init__(self) -> None:
        has_sides = self.best.strip() and self.rivals and self.true and self.false
        if not has_sides or self.best in (*self.rivals, *self.false):
            raise DataError(
                f"Question {self.id} does not tell true answers from false ones.",
                seen=f"best {self.best!r}, true {self.true}, false {self.false}"[:200],
                fix="Give it a best answer that is not among the false ones, and at least one true and one false.",
            )

    @property
    def on_both_sides(self) -> tuple[str, ...]:
        """Answers listed as true and as false, as 2 questions of TruthfulQA.csv have them; they count as both."""
        return tuple(answer for answer in self.true if answer in self.false)

    @property
    def answers(self) -> tuple[str, ...]:
        """Every distinct answer, in order: each is scored once."""
        return tuple(dict.fromkeys((self.best, *self.rivals, *self.true, *self.false)))


def digest_of(questions: Sequence[OpenQuestion]) -> str:
    """Digest of every question's content and truth."""
    return digest.of_json([asdict(question) for question in questions])


def is_of_questions(path: Path) -> bool:
    """Whether the file's first row has the columns of such questions."""
    return path.suffix in SUFFIXES and any(name in rows(path)[0] for name in FORMS)


def read_questions(path: Path) -> list[OpenQuestion]:
    """Read ``mc_task.json``, ``TruthfulQA.csv``, or our own form.

    ``mc_task.json`` has ``question``, ``mc1_targets`` and ``mc2_targets``, each an object from
    answer to 0 or 1, or ``{"choices": [...], "labels": [...]}``. ``TruthfulQA.csv`` has
    ``Question``, ``Best Answer``, ``Correct Answers`` and ``Incorrect Answers``, the last two
    separated by semicolons; a period is put after each answer, as the authors do. Our own has
    ``question``, ``best``, and lists ``true`` and ``false``; ``best`` counts among the true ones.

    Raises
    ------
    DataError
        A row is not of these forms, or does not tell true answers from false ones.
    """
    return [_question(path, number, row) for number, row in enumerate(rows(path), 1)]


def _question(path: Path, number: int, row: Row) -> OpenQuestion:
    name = str(row.get("id") or f"{path.stem}-{number}")
    text = cell(path, number, row, "question", "Question").strip()
    if "mc1_targets" in row or "mc2_targets" in row:
        single, several = (_labelled(path, number, row.get(key)) for key in ("mc1_targets", "mc2_targets"))
        best, rivals = ([a for a, label in single.items() if label == value] for value in (1, 0))
        if len(best) != 1:
            raise DataError(f"Row {number} of {path} does not mark one best answer.", seen=str(best)[:200])
        true, false = (tuple(a for a, label in several.items() if label == value) for value in (1, 0))
        return OpenQuestion(name, text, best[0], tuple(rivals), true, false)
    if "Best Answer" in row:
        true, false = (_split(cell(path, number, row, key)) for key in ("Correct Answers", "Incorrect Answers"))
        return OpenQuestion(name, text, _closed(cell(path, number, row, "Best Answer")), false, true, false)
    best_answer = cell(path, number, row, "best").strip()
    true, false = (_listed(path, number, row.get(key), key) for key in ("true", "false"))
    return OpenQuestion(name, text, best_answer, false, tuple(dict.fromkeys((best_answer, *true))), false)


def _labelled(path: Path, number: int, value: Any) -> Mapping[str, int]:
    if (
        isinstance(value, dict)
        and set(value) == {"choices", "labels"}
        and len(value["choices"]) == len(value["labels"])
    ):
        value = dict(zip(value["choices"], value["labels"], strict=True))
    if not isinstance(value, dict) or any(label not in (0, 1) for label in value.values()):
        raise DataError(
            f"Row {number} of {path} has no answers labelled 0 or 1.",
            seen=str(value)[:80],
            fix="mc1_targets and mc2_targets are objects from answer to 0 or 1.",
        )
    return {whole(path, number, answer): label for answer, label in value.items()}


def _closed(answer: str) -> str:
    text = answer.strip()
    return text if text.endswith(".") else f"{text}."


def _split(answers: str) -> tuple[str, ...]:
    return tuple(_closed(answer) for answer in answers.split(";") if answer.strip())


def _listed(path: Path, number: int, value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(answer, str) and answer.strip() for answer in value):
        raise DataError(f"Row {number} of {path} has no list of answers {key!r}.", seen=str(value)[:80])
    return tuple(whole(path, number, answer) for answer in value)


def of_pairs(data: DataSet) -> list[OpenQuestion]:
    """The two compared answers of each item as one true and one false answer."""
    return [
        OpenQuestion(item.id, item.question, item.exhibits_text, (item.contrast_text,), (item.exhibits_text,),
                 (item.contrast_text,))
        for item in data
    ]  # fmt: skip
