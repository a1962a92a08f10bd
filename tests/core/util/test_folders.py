"""Where steerstack keeps what it makes: as told, else the user's folders, and never one called ``~``."""

import pytest
from platformdirs import user_data_path

from steerstack.errors import SteerstackError
from steerstack.util.folders import cache_folder, home


def test_as_told(monkeypatch, tmp_path):
    monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path / "a"))
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path / "b"))
    assert (home(), cache_folder()) == (tmp_path / "a", tmp_path / "b")
    monkeypatch.delenv("STEERSTACK_HOME")
    assert home() == user_data_path("steerstack")


def test_nobody_says_where(monkeypatch):
    def unknown(_number):
        raise KeyError("no such user")

    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "STEERSTACK_HOME", "STEERSTACK_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    for place in (home, cache_folder):
        with pytest.raises(SteerstackError, match="not known where") as caught:
            place()
        assert "Set HOME, or name a folder in STEERSTACK_" in caught.value.fix
