"""Secrets are planted in the addresses of stores and servers, and in keys; nothing that is written or shown holds them."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command import steerstack
from tests.support.hostile import hostile_server

from steerstack.errors import RegistryError
from steerstack_registry.pages.serve_ui import command, environment
from steerstack_registry.write import context
from steerstack_registry.write.outbox import KeptError, record, send_all

PLANTED = "pl4nted"
AWAY = [
    f"http://ann:pa/{PLANTED}@127.0.0.1:9",
    f"http://pa@{PLANTED}@127.0.0.1:9",
    f"http://ann:{PLANTED}@127.0.0.1:9",
    f"http://127.0.0.1:9/?password={PLANTED}",
    f"http://127.0.0.1:9?token={PLANTED}",
    f"postgresql://ann:p@{PLANTED}@127.0.0.1:9/db",
    f"sqlite:////dev/null/at/all.db?key={PLANTED}",
    f"no-such-scheme://ann:{PLANTED}@127.0.0.1",
]
"""Stores that are not there."""


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of its own, with keys in the environment."""
    monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path / "home"))
    for name in ("STEERSTACK_SERVE_TOKEN", "NDIF_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, f"key-{PLANTED}")
    return tmp_path / "home"


def leaks(folder: Path) -> list[str]:
    """Files that hold the secret, in their name or anywhere in their bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if PLANTED in path.name or PLANTED.encode() in path.read_bytes()]


@pytest.mark.parametrize("uri", AWAY, ids=range(len(AWAY)))
def test_a_run_that_is_kept_for_later(make_run, tmp_path, monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(KeptError) as error_info:
        record(make_run())
    with pytest.raises(RegistryError) as waits:
        send_all()
    assert PLANTED not in f"{error_info.value}{waits.value}"
    assert (tmp_path / "home" / "outbox").is_dir()
    assert leaks(tmp_path) == []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of every process that is started, which the list of processes shows to everybody."""
    words: list[str] = []
    start = subprocess.Popen.__init__

    def note(self, args, *more, **named):
        words.append(args if isinstance(args, str) else " ".join(map(str, args)))
        start(self, args, *more, **named)

    monkeypatch.setattr(subprocess.Popen, "__init__", note)
    monkeypatch.setattr(context, "_git", context._git.__wrapped__)  # an earlier test may have asked already
    return words


def test_a_study_in_a_store_with_a_secret_in_its_address(tiny_folder, table, tmp_path, home, empty_store, started):
    """The query is one that SQLite ignores. Report, result, frame, store, home, artifacts, arguments, what is printed."""
    store = tmp_path / "store" / "mlflow.db"
    store.parent.mkdir()
    store.write_bytes(empty_store.read_bytes())
    options = ["--model", tiny_folder, "--data", table, "--limit", 12, "--report", tmp_path / "report.html"]
    process = steerstack(
        "sweep", *options, "--layers", 1, "--scales", 1, "--nulls", 0, "--json", tmp_path / "out.json",
        MLFLOW_TRACKING_URI=f"sqlite:///{store}?key={PLANTED}",
    )  # fmt: skip
    shown = steerstack("registry", "list", "--json", "-", MLFLOW_TRACKING_URI=f"sqlite:///{store}?key={PLANTED}")
    assert PLANTED not in process.stdout + process.stderr + shown.stdout + shown.stderr
    assert leaks(tmp_path) == []
    assert started, "git is asked for the commit"
    assert PLANTED not in " ".join([*started, *sys.argv])
    assert (tmp_path / "report.html").stat().st_size
    assert list((tmp_path / "store" / "artifacts").rglob("*"))
    with sqlite3.connect(store) as db:
        tags = dict(db.execute("SELECT key, value FROM tags"))
    assert any("sweep" in str(value) for value in tags.values())


@pytest.mark.parametrize("where", ["http://ann:{}@127.0.0.1:9", "http://127.0.0.1:9/?token={}", "http://a@{}@h:9"])
def test_a_model_server_with_a_secret_in_its_address(tiny_folder, table, tmp_path, where):
    options = ["--model", tiny_folder, "--data", table, "--out", tmp_path / "v.safetensors"]
    process = steerstack("extract", *options, "--remote", where.format(PLANTED), check=False)
    assert process.returncode == 1
    assert "no user, password or query" in process.stderr
    assert PLANTED not in process.stdout + process.stderr
    assert leaks(tmp_path) == []


def test_a_model_server_that_fails(tiny_folder, table, tmp_path):
    options = ["--model", tiny_folder, "--data", table, "--out", tmp_path / "v.safetensors"]
    with hostile_server() as server:
        server.result = b"nothing"
        process = steerstack("extract", *options, "--remote", server.host, check=False)
    assert process.returncode == 1
    assert PLANTED not in process.stdout + process.stderr
    assert leaks(tmp_path) == []


def test_the_list_of_processes_does_not_show_the_store():
    """What ``steerstack ui`` starts is told the address by its environment, which only its owner can read."""
    uri = f"sqlite:////m.db?key={PLANTED}"
    assert PLANTED in environment(uri, "127.0.0.1")["MLFLOW_BACKEND_STORE_URI"]
    assert PLANTED not in " ".join(command("127.0.0.1", 1))
