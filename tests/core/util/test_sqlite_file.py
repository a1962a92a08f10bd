"""What stands in a SQLite file is seen without changing it, or its neighbours."""

import sqlite3
from contextlib import closing

import pytest

from steerstack.util.sqlite_file import tables

MADE = "CREATE TABLE one (key TEXT)"


@pytest.fixture
def file(tmp_path):
    """A database of one table."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        db.execute(MADE)
        db.executemany("INSERT INTO one VALUES (?)", [("x" * 500,)] * 50)
    return tmp_path / "a.db"


def test_its_tables(file):
    assert tables(file) == {"one": MADE}


def test_no_file_and_an_empty_one_hold_none(tmp_path):
    assert tables(tmp_path / "a.db") == {}
    (tmp_path / "b.db").touch()
    assert tables(tmp_path / "b.db") == {}
    assert [path.name for path in tmp_path.iterdir()] == ["b.db"]


@pytest.mark.parametrize("keep", [1, 15, 16, 100, 5000])
def test_what_is_cut_off_is_no_database(file, keep):
    whole = file.read_bytes()
    file.write_bytes(whole[:keep])
    with pytest.raises(sqlite3.DatabaseError):
        tables(file)
    assert file.read_bytes() == whole[:keep]


def test_other_files_and_folders_are_none(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 4096)
    for path in (tmp_path / "a", tmp_path):
        with pytest.raises(sqlite3.DatabaseError):
            tables(path)


def test_one_that_is_locked_is_seen_as_it_is(file):
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert tables(file) == {"one": MADE}


def test_a_log_of_what_was_written_stays(file):
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE two (key TEXT)")
        before = file.read_bytes()
        assert set(tables(file)) == {"one", "two"}
        assert file.read_bytes() == before
