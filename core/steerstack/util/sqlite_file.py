"""What a SQLite file holds, seen without changing it: SQLite itself writes over a file of a few bytes."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

_MAGIC = b"SQLite format 3\x00"
_BUSY = 1.0
"""Seconds to wait for somebody who writes; after that the file is read as it is."""


def tables(path: Path) -> dict[str, str]:
    """How each of its tables was made, by name; none where there is no file, or one of no bytes, as SQLite begins it.

    Raises
    ------
    sqlite3.DatabaseError
        It is something else, or damaged.
    OSError
        It cannot be read.
    """
    if not path.exists():
        return {}
    if not path.is_file():
        raise sqlite3.DatabaseError("it is no plain file")
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    if not head:
        return {}
    if head != _MAGIC:
        raise sqlite3.DatabaseError("it does not begin as a SQLite database does")
    try:
        return _tables(path, "mode=ro")
    except sqlite3.OperationalError:  # it is locked; or its last writer was killed, which only a writer can undo
        return _tables(path, "mode=ro&immutable=1")


def _tables(path: Path, how: str) -> dict[str, str]:
    with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=_BUSY)) as db:
        return dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
