"""JSON values on disk by key: what was expensive to compute is not computed twice."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from steerstack.errors import StudyError
from steerstack.util.sqlite_file import tables

T = TypeVar("T")

_TABLE = "CREATE TABLE kept (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_BUSY = 60.0
"""Seconds to wait while others write: each of their writes takes milliseconds, but there may be many."""
_AT_ONCE = 500  # keys in one query, below SQLite's bound on variables


class Kept:
    """Values by key, in an SQLite file.

    Each write is one transaction: a kill leaves it whole or undone, and several processes and
    threads may read and write at the same time. Every call opens the file anew, so that it may
    be handed to another thread.

    Parameters
    ----------
    path:
        The file; its folder is made if need be.

    Raises
    ------
    StudyError
        The file cannot be read or written, or is something else; then it stays as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._check()
        self._run(lambda db: db.execute(_TABLE.replace("TABLE", "TABLE IF NOT EXISTS")), new=True)

    def get(self, keys: Iterable[str]) -> dict[str, Any]:
        """The values that are there."""
        distinct = list(dict.fromkeys(keys))

        def read(db: sqlite3.Connection) -> dict[str, Any]:
            values: dict[str, Any] = {}
            for at in range(0, len(distinct), _AT_ONCE):
                part = distinct[at : at + _AT_ONCE]
                query = f"SELECT key, value FROM kept WHERE key IN ({','.join('?' * len(part))})"
                values |= {key: json.loads(value) for key, value in db.execute(query, part)}
            return values

        return self._run(read)

    def put(self, values: Mapping[str, Any]) -> None:
        """Keep values, all of them or none; one that is there already stays as it is."""
        rows = [(key, json.dumps(value, allow_nan=False)) for key, value in values.items()]
        if rows:
            self._run(lambda db: db.executemany("INSERT OR IGNORE INTO kept VALUES (?, ?)", rows))

    def __len__(self) -> int:
        return int(self._run(lambda db: db.execute("SELECT count(*) FROM kept").fetchone()[0]))

    def _check(self) -> None:
        """Refuse what is no file of ours, before SQLite adds a table to it or writes over it."""
        try:
            schema = tables(self.path)
        except (sqlite3.Error, OSError) as error:
            contents = str(error)
        else:
            if schema in ({}, {"kept": _TABLE}):
                return
            contents = f"a database of {', '.join(sorted(schema))}"
        raise StudyError(
            f"{self.path} is no cache of steerstack's; it was left as it is.",
            seen=contents[:200],
            fix="Name a file that is not there yet, or none for the one in STEERSTACK_CACHE; remove it if it is "
            "damaged.",
        )

    def _run(self, work: Callable[[sqlite3.Connection], T], *, new: bool = False) -> T:
        try:
            if new:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_BUSY)) as db, db:
                return work(db)
        except (sqlite3.Error, OSError) as error:
            raise StudyError(
                f"What is kept in {self.path} cannot be read or written.",
                seen=str(error),
                fix="Free some space, or remove the file; STEERSTACK_CACHE names another folder.",
            ) from error
