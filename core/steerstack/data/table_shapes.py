"""The rows that a JSON value holds, in any of the shapes in which tables are written."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_NAMES = frozenset(
    ("question", "Question", "prompt", "instruction", "statement", "exhibits", "chosen", "answer_matching_behavior")
)
"""Names of columns by which a table is known whose index could be names, too."""

WANTED = "a list of objects (one a row), an object a line, or a table as pandas writes it"


def kind(value: object) -> str:
    """What a JSON value is called."""
    match value:
        case bool():
            return "true or false"
        case None:
            return "nothing (null)"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "an object"
        case _:
            return "a list"


def rows_of(values: Sequence[Any]) -> list[Row]:
    """The rows of a file's JSON values: one that is a table, or many that are a row each.

    Raises
    ------
    ValueError
        They are no table; its text says what they are.
    """
    if len(values) == 1:
        values = _table(values[0])
    for number, row in enumerate(values, 1):
        if not isinstance(row, dict):
            raise ValueError(f"row {number} is {kind(row)}, not an object with a key for each column")
    return list(values)


def _table(value: Any) -> Sequence[Any]:
    """The rows of one JSON value."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise ValueError(f"it is {kind(value)}")
    if any(isinstance(value.get(name), str) for name in _NAMES):
        return [value]  # one row
    split = _split(value)
    if split is not None:
        return split
    inner = {name: rows for name, rows in value.items() if _is_rows(rows)}
    if len(inner) == 1:
        return next(iter(inner.values()))
    if inner:
        sizes = ", ".join(f"{name!r} of {len(rows)} rows" for name, rows in inner.items())
        raise ValueError(f"an object with several tables: {sizes}; give each a file of its own")
    parts = list(value.values())
    if parts and all(isinstance(part, dict) for part in parts):
        return _by_index(value)
    if parts and all(isinstance(part, list) for part in parts):
        if len({len(part) for part in parts}) > 1:
            lengths = ", ".join(f"{name!r} {len(part)}" for name, part in value.items())
            raise ValueError(f"an object whose columns differ in length: {lengths}")
        return [dict(zip(value, cells, strict=True)) for cells in zip(*parts, strict=True)]
    if any(isinstance(part, str | int | float) for part in parts):
        return [value]  # a row with columns of a name unknown here
    raise ValueError(f"an object with the keys {', '.join(map(str, value))[:80] or 'none'}")


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _split(value: Mapping[str, Any]) -> list[Row] | None:
    """A table as pandas' ``orient="split"`` writes it."""
    columns, data = value.get("columns"), value.get("data")
    if not (isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data)):
        return None
    if len(set(map(str, columns))) < len(columns):
        raise ValueError("two of its columns have one name")
    odd = next((number for number, row in enumerate(data, 1) if len(row) != len(columns)), None)
    if odd is not None:
        raise ValueError(f"row {odd} has {len(data[odd - 1])} cells for {len(columns)} columns")
    return [dict(zip(map(str, columns), row, strict=True)) for row in data]


def _by_index(value: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """A table of objects: by column and then by row (pandas' default), or by row and then by column."""
    outer, inner = list(value), list(next(iter(value.values())))
    numbered = [bool(keys) and all(key.isdecimal() for key in keys) for keys in (outer, inner)]
    hits = [bool(_NAMES & set(keys)) for keys in (outer, inner)]
    by_column = numbered[1] > numbered[0] or (numbered[0] == numbered[1] and hits[0] > hits[1])
    by_row = numbered[0] > numbered[1] or (numbered[0] == numbered[1] and hits[1] > hits[0])
    if by_row:
        return list(value.values())
    if not by_column:
        raise ValueError(f"an object of objects with the keys {', '.join(outer)[:80]}: which are rows is not clear")
    odd = next((name for name, column in value.items() if set(column) != set(inner)), None)
    if odd is not None:
        raise ValueError(f"an object whose columns {outer[0]!r} and {odd!r} have other rows")
    return [{name: column[index] for name, column in value.items()} for index in inner]
