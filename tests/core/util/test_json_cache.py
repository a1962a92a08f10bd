"""A cache on disk is one of ours, or is not touched."""

import sqlite3
from contextlib import closing

import pytest

from steerstack.errors import StudyError
from steerstack.util.json_cache import Kept


def test_what_was_kept_is_there_for_another(tmp_path):
    Kept(tmp_path / "new" / "c").put({"a": [1, None]})
    again = Kept(tmp_path / "new" / "c")
    assert (again.get(["a", "b"]), len(again)) == ({"a": [1, None]}, 1)


def test_an_empty_file_is_one_that_was_only_begun(tmp_path):
    (tmp_path / "c").touch()
    Kept(tmp_path / "c").put({"a": 1})
    assert len(Kept(tmp_path / "c")) == 1


@pytest.mark.parametrize("made", ["CREATE TABLE notes (text TEXT)", "CREATE TABLE kept (key TEXT, mine TEXT)"])
def test_somebody_elses_database_is_refused_and_left_as_it_is(tmp_path, made):
    with closing(sqlite3.connect(tmp_path / "c")) as db, db:
        db.execute(made)
    before = (tmp_path / "c").read_bytes()
    with pytest.raises(StudyError, match="no cache of steerstack's; it was left as it is"):
        Kept(tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == before


def test_a_database_with_a_table_beside_ours_is_refused(tmp_path):
    Kept(tmp_path / "c").put({"a": 1})
    with closing(sqlite3.connect(tmp_path / "c")) as db, db:
        db.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(StudyError, match="no cache") as refused:
        Kept(tmp_path / "c")
    assert "kept, notes" in refused.value.seen


@pytest.mark.parametrize("content", [b"x", b"SQLite format 3\x00", b"not a database" * 100])
def test_other_files_are_refused_and_left_as_they_are(tmp_path, content):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(StudyError, match="no cache"):
        Kept(tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
