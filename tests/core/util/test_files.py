"""A write that fails leaves what was there before, and nothing half-written beside it."""

import json
import math
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from tests.support.wait import PATIENCE

from steerstack.errors import SteerstackError
from steerstack.util.files import check_target, write_atomically, write_json


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != "home")


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    write_atomically(tmp_path / "new" / "folder" / "a", "füß\n")
    assert (tmp_path / "new" / "folder" / "a").read_bytes() == "füß\n".encode()
    write_atomically(tmp_path / "b", b"\x00\xff")
    assert (tmp_path / "b").read_bytes() == b"\x00\xff"
    write_atomically(tmp_path / "b", b"")
    assert (tmp_path / "b").read_bytes() == b""
    assert names(tmp_path) == ["b", "new"]


def test_others_may_read_the_file(tmp_path):
    write_atomically(tmp_path / "a", "x")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_who_reads_the_old_file_goes_on_reading_it_whole(tmp_path):
    write_atomically(tmp_path / "a", "old")
    with (tmp_path / "a").open() as reader:
        write_atomically(tmp_path / "a", "newer")
        assert reader.read() == "old"
    assert (tmp_path / "a").read_text() == "newer"


def test_json_reads_back(tmp_path):
    value = {"b": [1, 2.5, None, True], "a": "füß"}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == value
    assert (tmp_path / "a.json").read_text(encoding="utf-8").endswith("}\n")
    assert "füß" in (tmp_path / "a.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_refuses_what_is_not_json_and_keeps_the_old_file(tmp_path, value):
    write_json(tmp_path / "a.json", 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", [value])
    assert json.loads((tmp_path / "a.json").read_text()) == 1
    assert names(tmp_path) == ["a.json"]


def test_where_a_file_stands_in_the_way_the_error_says_so(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "a", tmp_path / "folder"):
        with pytest.raises(SteerstackError, match="could not be written") as caught:
            write_atomically(path, "new")
        assert str(path) in str(caught.value)
        assert "nothing that was there before is lost" in str(caught.value)
        assert isinstance(caught.value.__cause__, OSError)
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file", "folder"]


def test_text_that_has_no_utf8_form_leaves_nothing_half_written(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises((SteerstackError, ValueError)):
        write_atomically(tmp_path / "a", "half a pair: \ud83d")
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def run(folder, before, size, work="write_atomically"):
    """Write ``size`` bytes over a small file, or to its end, in a process of its own, and say what came of it."""
    code = f"""
        from pathlib import Path
        from steerstack.errors import SteerstackError
        from steerstack.util.files import append, write_atomically
        {before}
        try:
            {work}(Path({str(folder / "kept")!r}), "n" * {size})
        except (SteerstackError, OSError) as error:
            print(error)
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout


LIMIT = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))"
)


def test_what_does_not_fit_at_the_end_is_not_begun(tmp_path):
    (tmp_path / "kept").write_text("old\n")
    assert "File too large" in run(tmp_path, LIMIT, 20000, "append")
    assert (tmp_path / "kept").read_text() == "old\n"
    assert run(tmp_path, LIMIT, 4000, "append") == ""
    assert (tmp_path / "kept").read_text() == "old\n" + "n" * 4000


def test_ctrl_c_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    (tmp_path / "kept").write_text("old")

    def interrupt(_handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "kept", "new")
    assert (tmp_path / "kept").read_text() == "old"
    assert names(tmp_path) == ["kept"]


def test_a_limit_on_file_size_keeps_the_old_file(tmp_path):
    (tmp_path / "kept").write_text("old")
    output = run(tmp_path, LIMIT, 20000)
    assert "kept could not be written." in output
    assert "File too large" in output
    assert (tmp_path / "kept").read_text() == "old"
    assert names(tmp_path) == ["kept"]
    assert run(tmp_path, LIMIT, 4000) == ""
    assert (tmp_path / "kept").read_bytes() == b"n" * 4000


def test_a_full_disk_keeps_the_old_file(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk; the limit on file size stands in for it")
    try:
        (disk / "kept").write_text("old")
        with pytest.raises(SteerstackError, match="could not be written") as caught:
            write_atomically(disk / "kept", b"n" * 200_000)
        assert "No space left" in str(caught.value)
        assert "Free some space" in str(caught.value)
        assert (disk / "kept").read_text() == "old"
        assert [p.name for p in disk.iterdir()] == ["kept"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_kill_in_the_middle_keeps_the_old_file(tmp_path):
    (tmp_path / "kept").write_text("old")
    # the limit's signal kills the process in its first write
    code = f"""
        import resource, signal
        from pathlib import Path
        from steerstack.util.files import write_atomically
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        write_atomically(Path({str(tmp_path / "kept")!r}), b"n" * 20000)
    """
    process = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, check=False, timeout=PATIENCE
    )
    assert process.returncode == -signal.SIGXFSZ
    assert (tmp_path / "kept").read_text() == "old"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_to_write_is_named(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(SteerstackError, match="Permission denied"):
        write_atomically(tmp_path / "locked" / "a", "x")
    assert list((tmp_path / "locked").iterdir()) == []


def test_where_a_file_cannot_be_written_is_seen_before(tmp_path):
    (tmp_path / "file").write_text("mine")
    for place, reason in ((tmp_path, "a folder"), (tmp_path / "file" / "within" / "a.json", "Not a directory")):
        with pytest.raises(SteerstackError, match="nothing was started") as caught:
            check_target(place)
        assert reason in caught.value.seen
    check_target(tmp_path / "new" / "a.json")
    assert names(tmp_path) == ["file"]
