"""Tables of one's own: CSV or JSONL with columns ``question``, ``exhibits`` and ``not``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import final

from steerstack.contracts import DataFormat
from steerstack.data.items import DataSet, Item, Layout
from steerstack.data.table_files import Row, cell, first_row, rows
from steerstack.errors import DataError
from steerstack.util import digest

COLUMNS = ("question", "exhibits", "not")


@final
class Tables(DataFormat):
    """The simplest format: the column names say the polarity.

    ``question``; ``exhibits``, the answer that shows the behaviour; ``not``, the one that does
    not. Optional: ``id``, ``topic`` (splits are balanced by it), ``system`` (a system prompt),
    ``letter`` (A or B: where the exhibiting answer is listed; without it half of the items
    are drawn, by their questions and not by their rows).
    """

    name = "tables"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has the three columns."""
        return set(COLUMNS) <= set(first_row(path))

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file; ``matching`` is not needed."""
        items = tuple(table_items(path))
        return DataSet(behavior or path.stem, items, "the answer in the column exhibits", str(path))


def table_items(path: Path) -> Iterator[Item]:
    """Every row of a file as an item; letters are given, or drawn so that each of the two is on half of the items."""
    found = list(enumerate(rows(path), 1))
    without = [number for number, row in found if not row.get("letter")]
    texts = {number: [cell(path, number, row, name) for name in COLUMNS] for number, row in found}
    ranked = sorted(without, key=lambda number: digest.of_json(texts[number]))
    letters = {number: "AB"[rank % 2] for rank, number in enumerate(ranked)}
    for number, row in found:
        yield _item(path, number, row, texts[number], str(row.get("letter") or letters[number]))


def _item(path: Path, number: int, row: Row, texts: Sequence[str], letter: str) -> Item:
    question, exhibiting, other = texts
    pair = (exhibiting, other)
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
