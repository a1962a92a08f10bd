"""Tables of one's own: CSV, TSV or JSON with columns ``question``, ``exhibits`` and ``not``."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import final

from steerstack.contracts import DataFormat
from steerstack.data.items import DataSet, Item
from steerstack.data.table_files import Row, cell, first_row, optional, rows
from steerstack.errors import DataError
from steerstack.util import digest
from steerstack_plugins.datasets.common.choice_item import choice_item
from steerstack_plugins.datasets.common.notes import edge_spaces
from steerstack_plugins.datasets.common.options import Place

COLUMNS = ("question", "exhibits", "not")


@final
class Tables(DataFormat):
    """The simplest format: the column names say the polarity.

    ``question``; ``exhibits``, the answer that shows the behaviour; ``not``, the one that does
    not. Optional: ``id``, ``topic`` (splits are balanced by it), ``system`` (a system prompt),
    ``group`` (items of one group stay in one part of a split), ``letter`` (A or B: where the exhibiting
    answer is listed; without it half of the items are drawn, by their questions and not by their rows). Where the
    question lists options, or a column ``choices`` does, the two answers name theirs by label or by text. Spaces at
    edges are taken off.
    """

    name = "tables"

    def recognises(self, path: Path) -> bool:
        """Whether the first row has the three columns."""
        return set(COLUMNS) <= set(first_row(path))

    def load(self, path: Path, *, behavior: str | None = None, matching: str | None = None) -> DataSet:
        """Read the file; ``matching`` is not needed."""
        items, notes = tuple(table_items(path)), edge_spaces(rows(path), COLUMNS)
        meaning = "the answer in the column exhibits"
        return DataSet(behavior or path.stem, items, meaning, str(path), notes=tuple(notes))


def table_items(path: Path) -> Iterator[Item]:
    """Every row of a file as an item; letters are given, or drawn so that each of the two is on half of the items."""
    table = list(enumerate(rows(path), 1))
    without = [number for number, row in table if not row.get("letter")]
    texts = {number: [cell(path, number, row, name).strip() for name in COLUMNS] for number, row in table}
    order = sorted(without, key=lambda number: digest.of_json(texts[number]))
    letters = {number: "AB"[rank % 2] for rank, number in enumerate(order)}
    for number, row in table:
        yield _item(Place(path, number), row, texts[number][0], str(row.get("letter") or letters[number]))


def _item(place: Place, row: Row, question: str, letter: str) -> Item:
    if letter not in ("A", "B"):
        raise DataError(
            f"Row {place.number} of {place.path} has the letter {letter!r}.", fix="Write A or B, or leave it out."
        )
    name = optional(place.path, place.number, row, "id") or f"{place.path.stem}-{place.number}"
    item = choice_item(place, name, row, question, ("exhibits", "not"), yes_no=False)
    if isinstance(item, str):
        raise place.error(
            "cannot be used: " + item,
            seen=f"exhibits {row['exhibits']!r:.60}, not {row['not']!r:.60}",
            expected="two answers in words that differ, or labels of options that the question lists, a line each",
        )
    item = replace(item, group=optional(place.path, place.number, row, "group") or "")
    if item.form == "choice" or letter == "A":
        return item
    return replace(item, options=item.options[::-1], exhibits=1, contrast=0)
