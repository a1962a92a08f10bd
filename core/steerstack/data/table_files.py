"""Read rows from JSON, JSON lines, CSV and TSV files, with errors that name the place."""

import csv
import io
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from steerstack.data.table_shapes import WANTED, Row, kind, rows_of
from steerstack.errors import DataError
from steerstack.util.guard import check_regular, parse_json

__all__ = ["SUFFIXES", "Row", "cell", "first_row", "optional", "read_text", "rows", "whole"]

SUFFIXES = (".csv", ".tsv", ".json", ".jsonl")
"""Files that :func:`rows` can read."""

_BLANK = " \t\r\n\ufeff"
"""What may stand between JSON values; files that were put together hold marks of byte order inside."""


def read_text(path: Path) -> str:
    """The file's text, with or without a byte-order mark.

    Raises
    ------
    DataError
        It cannot be read, or is not UTF-8.
    """
    try:
        check_regular(path)
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, MemoryError) as error:
        raise DataError(
            f"{path} cannot be read as text.", seen=str(error) or type(error).__name__, fix="Save it as UTF-8."
        ) from error


def rows(path: Path) -> list[Row]:
    """All rows of a table: ``.json``, ``.jsonl``, ``.csv`` or ``.tsv``.

    JSON may be a list of objects, objects one after the other (on a line each, or spread over lines), one object
    that holds such a list, or a table as pandas writes it by columns, by index, or split.

    Raises
    ------
    DataError
        A row cannot be parsed (the line is named), there are none, or they are no table.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise DataError(f"There is no data file {path}.", seen=str(error), fix="Check the path.") from error
    return list(_rows(path.absolute(), about.st_mtime_ns, about.st_size))


@lru_cache(maxsize=1)  # each kind of file asks for the rows to see whether it knows them
def _rows(path: Path, modified: int, size: int) -> tuple[Row, ...]:
    del modified, size
    text = read_text(path)
    try:
        table = _separated(path, text) if path.suffix in (".csv", ".tsv") else rows_of(_values(path, text))
    except ValueError as error:
        raise DataError(f"{path} holds no rows that can be read.", seen=str(error), fix=f"Wanted: {WANTED}.") from error
    if not table:
        raise DataError(f"{path} holds no rows.", seen=f"{len(text)} characters", fix="Check that it is complete.")
    return tuple(table)


def _separated(path: Path, text: str) -> list[Row]:
    """The rows of a CSV or TSV file; a CSV file may use semicolons or tabs in its header and rows."""
    header = text.partition("\n")[0]
    between = "\t" if path.suffix == ".tsv" else max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValueError(f"two columns are called {twice[0]!r}")
        table: list[Row] = []
        for cells in reader:
            if cells:
                row: dict[Any, Any] = dict.fromkeys(names) | dict(zip(names, cells, strict=False))
                table.append(row | {None: cells[len(names) :]} if len(cells) > len(names) else row)
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    return table


def _values(path: Path, text: str) -> list[Any]:
    """All JSON values of a text, one after the other."""
    values, at = [], 0
    while (at := _next(text, at)) < len(text):
        try:
            value, at = parse_json(text, at=at)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{path} is not valid JSON.",
                seen=f"line {error.lineno}: {error.msg}",
                fix="It may have been cut short in a copy: compare its size with the source's.",
            ) from error
        values.append(value)
    return values


def _next(text: str, at: int) -> int:
    """Where the next JSON value begins."""
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def first_row(path: Path) -> Row:
    """The first row, or an empty one where there is none that can be read."""
    try:
        return rows(path)[0] if path.suffix in SUFFIXES else {}
    except DataError:
        return {}


def whole(path: Path, number: int, value: str) -> str:
    """The text itself.

    Raises
    ------
    DataError
        It holds half of a character (a lone surrogate), which no tokenizer can read.
    """
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"Row {number} of {path} holds half of a character.", seen=repr(value)[:80], fix="Mend the text."
        ) from error
    return value


def cell(path: Path, number: int, row: Row, *names: str) -> str:
    """The first of the named cells that a row has.

    Raises
    ------
    DataError
        It has none of them, or it is not text.
    """
    if None in row:  # what a CSV row has beyond its header
        raise DataError(
            f"Row {number} of {path} has too many cells.",
            seen=str(row[None])[:80],  # type: ignore[index]
            fix="Put quotes around cells that hold a comma.",
        )
    for name in names:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return whole(path, number, value)
    value = row.get(names[0])
    if value is not None and not isinstance(value, str):
        raise DataError(
            f"Row {number} of {path} has no {names[0]!r} that is text.",
            seen=f"{kind(value)}: {str(value)[:60]}",
            fix="Expected: text. Write it in quotes.",
        )
    raise DataError(
        f"Row {number} of {path} has no {names[0]!r}.",
        seen=f"columns {', '.join(map(str, row))}",
        fix="Fill it in, or drop the row.",
    )


def optional(path: Path, number: int, row: Row, *names: str) -> str | None:
    """The first of the named cells that is filled in, without spaces at its edges; None where there is none.

    Raises
    ------
    DataError
        It is neither text nor a whole number.
    """
    for name in names:
        value = row.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise DataError(
                f"Row {number} of {path} has no {name!r} that is text.",
                seen=f"{kind(value)}: {str(value)[:60]}",
                fix="Expected: text, or nothing.",
            )
        return whole(path, number, str(value).strip())
    return None
