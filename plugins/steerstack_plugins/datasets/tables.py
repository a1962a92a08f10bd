"""Tables of one's own: CSV or JSONL with columns ``question``, ``exhibits`` and ``not``."""

from collections.abc import Sequence
from pathlib import Path
from typing import final

from steerstack import digest
from steerstack.contracts import DataFormat
from steerstack.data import DataSet, Item, Layout
from steerstack.errors import DataError
from steerstack.hookspecs import hookimpl
from steerstack.reading import Row, cell, first_row, rows


@final
class Tables(DataFormat):
    """The simplest format: the column names say the polarity.

    ``question``; ``exhibits``, the answer that shows the behaviour; ``not``, the one that does
    not. Optional: ``id``, ``topic`` (splits are balanced by it), ``system`` (a system prompt),
    ``letter`` (A or B: where the exhibiting answer is listed; without it a balanced draw
    that follows from the question).
    """

    name = "tables"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has the three columns."""
        return {"question", "exhibits", "not"} <= set(first_row(path))

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file; ``matching`` is not needed."""
        items = [table_item(path, number, row) for number, row in enumerate(rows(path), 1)]
        return DataSet(behavior or path.stem, tuple(items), "as the columns say", str(path))


def table_item(path: Path, number: int, row: Row) -> Item:
    """One row as an item."""
    question = cell(path, number, row, "question")
    pair = (cell(path, number, row, "exhibits"), cell(path, number, row, "not"))
    letter = row.get("letter") or "AB"[int(digest.of_json(question)[:8], 16) % 2]
    if letter not in ("A", "B"):
        raise DataError(f"Row {number} of {path} has the letter {letter!r}.", fix="Write A or B, or leave it out.")
    first = letter == "A"
    return Item(
        id=str(row.get("id") or f"{path.stem}-{number}"),
        question=question,
        options=pair if first else pair[::-1],
        exhibits=0 if first else 1,
        contrast=1 if first else 0,
        form="text",
        topic=str(row.get("topic") or ""),
        layout=Layout(),
        system=row.get("system") or None,
    )


@hookimpl
def steerstack_data_formats() -> Sequence[type[DataFormat]]:
    """Tables."""
    return [Tables]
