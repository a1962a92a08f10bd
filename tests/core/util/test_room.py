"""A disk that is read-only or full is named before the work, not after it."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import SteerstackError
from steerstack.util.files import check_room

Usage = namedtuple("Usage", "total used free")


def test_a_folder_that_can_be_written(tmp_path):
    check_room(tmp_path / "not" / "there" / "yet", megabytes=0)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_where_nobody_may_write():
    with pytest.raises(SteerstackError, match="cannot be written, so nothing was started"):
        check_room(Path("/proc/steerstack"))


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 5_000_000, 5_000_000))
    with pytest.raises(SteerstackError, match="nearly full") as caught:
        check_room(tmp_path)
    assert "5 MB free" in caught.value.seen


@pytest.mark.parametrize("where", ["home", "store"])
def test_a_study_says_so_before_it_opens_a_model(table, tmp_path, monkeypatch, where):
    options = ["--tracking-uri", "sqlite:////proc/steerstack/mlflow.db"] if where == "store" else []
    if where == "home":
        monkeypatch.setenv("STEERSTACK_HOME", "/proc/steerstack")
    else:
        (tmp_path / "home").mkdir()
    result = CliRunner().invoke(
        app, ["stack", "--behavior", "kindness", "--data", str(table), "--model", "no/such-model", *options]
    )
    assert isinstance(result.exception, SteerstackError)
    assert "cannot be written, so nothing was started" in result.exception.happened
    assert not (tmp_path / "home" / "studies").exists()
