"""Read rows from JSON, JSON lines and CSV files, with errors that name the place."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steerstack.errors import DataError

Row = Mapping[str, Any]

SUFFIXES = (".csv", ".json", ".jsonl")
"""Files that :func:`rows` can read."""


def read_text(path: Path) -> str:
    """The file's text, with or without a byte-order mark.

    Raises
    ------
    DataError
        It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text.", seen=str(error), fix="Save it as UTF-8.") from error


def rows(path: Path) -> list[Row]:
    """All rows of a ``.json`` list, a ``.jsonl`` or a ``.csv`` file.

    Raises
    ------
    DataError
        A row cannot be parsed (the line is named), or there are none.
    """
    text = read_text(path)
    if path.suffix == ".csv":
        found: list[Row] = list(csv.DictReader(io.StringIO(text, newline="")))
    elif text.lstrip().startswith("["):
        try:
            found = json.loads(text)
        except json.JSONDecodeError as error:
            raise _broken(path, error.lineno, error.msg) from error
    else:
        found = list(_json_lines(path, text))
    if not found or not all(isinstance(row, dict) for row in found):
        raise DataError(f"{path} holds no rows.", seen=f"{len(text)} characters", fix="Check that it is complete.")
    return found


def _json_lines(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise _broken(path, number, error.msg) from error


def _broken(path: Path, line: int, message: str) -> DataError:
    return DataError(
        f"{path} is not valid JSON.",
        seen=f"line {line}: {message}",
        fix="It may have been cut short in a copy: compare its size with the source's.",
    )


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
    raise DataError(
        f"Row {number} of {path} has no {names[0]!r}.",
        seen=f"columns {', '.join(map(str, row))}",
        fix="Fill it in, or drop the row.",
    )
