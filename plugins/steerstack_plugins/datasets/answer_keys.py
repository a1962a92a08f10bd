"""Multiple-choice files as the field publishes them: ``choices`` and ``answer``."""

from pathlib import Path
from typing import final

from steerstack.contracts import DataFormat
from steerstack.data.items import DataSet, Item
from steerstack.data.table_files import cell, first_row, optional, rows
from steerstack_plugins.datasets.common.choice_item import system
from steerstack_plugins.datasets.common.notes import edge_spaces
from steerstack_plugins.datasets.common.options import COLUMNS, Place, first_number, named, options_of, unpacked
from steerstack_plugins.datasets.polarity import settle

ANSWERS = ("answer", "answerKey", "answer_key", "answer_idx", "label", "correct")
QUESTIONS = ("question", "prompt", "query", "input")


@final
class AnswerKeys(DataFormat):
    """``question``, ``choices`` and ``answer``, as in MMLU (arXiv 2009.03300), ARC and many others.

    ``choices`` is a list, an object by label, ARC's ``text`` and ``label``, columns ``A``, ``B``, ..., or a list in
    the question; ``answer`` names one of them by its label, its text or its number. It is the "matching" answer:
    whether it exhibits the behaviour is the caller's to say. It is compared with the first of the others.
    Numbers count from 0 or from 1 as the file shows; where it does not show that, it is refused.
    """

    name = "answer-keys"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has options and an answer."""
        row = first_row(path)
        is_ours = not {"answer_matching_behavior", "exhibits", "mc1_targets", "correct_full_text"} & set(row)
        has_options = bool(set(COLUMNS[:-1]) & set(row)) or {"A", "B"} <= set(row)
        return is_ours and has_options and _answer(row) is not None and any(name in row for name in QUESTIONS)

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file."""
        polarity = settle(path, behavior=behavior, matching=matching)
        table = list(enumerate(rows(path), 1))
        questions = []
        for number, row in table:
            place, column = Place(path, number), _answer(row)
            options = options_of(place, row, cell(path, number, row, *QUESTIONS))
            if column is None or options is None:
                missing = "options" if options is None else "answer"
                raise place.error(
                    f"has no {missing}", seen=f"columns {', '.join(map(str, row))}", expected="choices and an answer"
                )
            questions.append((place, options, column))
        first = first_number([row for _, row in table], ANSWERS, [len(options.texts) for _, options, _ in questions])
        items = []
        for (number, row), (place, options, column) in zip(table, questions, strict=True):
            answer = unpacked(place, row.get(column))
            if isinstance(answer, list) and len(answer) == 1:
                answer = answer[0]
            exhibits = named(place, options, answer, column, first=first)
            rest = [index for index, text in enumerate(options.texts) if text != options.texts[exhibits]]
            if not rest:
                raise place.error("lists one option only", seen=list(options.texts), expected="two options that differ")
            item = Item(
                optional(path, number, row, "id") or f"{path.stem}-{number}", options.stem, options.texts, exhibits,
                rest[0], layout=options.layout, system=system(place, row),
                topic=optional(path, number, row, "topic", "subject", "category") or "",
            )  # fmt: skip
            items.append(item if polarity.matching_exhibits else item.inverted())
        notes = edge_spaces([row for _, row in table], (*QUESTIONS, *COLUMNS))
        if any(len(item.options) > 2 for item in items):
            notes.append("each answer is compared with the first of the other options")
        return DataSet(polarity.behavior, tuple(items), polarity.meaning, str(path), notes=tuple(notes))


def _answer(row: object) -> str | None:
    """The column that names the right option."""
    cells = row if isinstance(row, dict) else {}
    return next((name for name in ANSWERS if cells.get(name) not in (None, "")), None)
