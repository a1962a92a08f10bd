"""Imports that cost nothing, the recorder, the context tags, the places."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from steerstack.errors import RegistryError
from steerstack_registry import plugin
from steerstack_registry.access import location
from steerstack_registry.access.connection import check, quietly
from steerstack_registry.read.listing import list_vectors
from steerstack_registry.read.load_vector import load_vector
from steerstack_registry.write.context import SteerstackContext


def _loaded(statement: str, *modules: str) -> list[str]:
    code = f"{statement}\nimport sys\nprint(*[name for name in {modules!r} if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return process.stdout.split()


def test_the_plugin_imports_nothing_heavy() -> None:
    assert _loaded("import steerstack_registry.plugin", "mlflow", "torch", "pandas") == []


def test_the_recorder_waits_with_mlflow() -> None:
    code = "from steerstack_registry.plugin import steerstack_recorders as r; r()[0]().list_vectors(tracking_uri=None)"
    assert _loaded(code, "mlflow") == []


def test_the_context_does_not_bring_steerstack() -> None:
    assert _loaded("import steerstack_registry.write.context", "steerstack", "torch") == []


def test_the_recorder_is_offered() -> None:
    (recorder,) = plugin.steerstack_recorders()
    assert recorder.name == "mlflow"
    recorder()  # nothing abstract is left


def test_context_tags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    context = SteerstackContext()
    assert context.in_context()
    tags = context.tags()
    assert tags["steerstack.version"] == "0.1.0"
    assert {"steerstack.torch", "steerstack.transformers", "steerstack.nnsight", "steerstack.python"} <= set(tags)
    assert tags["steerstack.device"]
    monkeypatch.chdir(tmp_path)
    assert "steerstack.git_commit" not in context.tags()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "steerstack.git_commit" not in context.tags()


def test_the_commit_of_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clean, changed = tmp_path / "clean", tmp_path / "changed"
    clean.mkdir()
    for arguments in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", "-C", str(clean), *arguments], check=True)
    shutil.copytree(clean, changed)
    (changed / "a").write_text("a")
    subprocess.run(["git", "-C", str(changed), "add", "a"], check=True)
    monkeypatch.chdir(clean)
    tags = SteerstackContext().tags()
    assert len(tags["steerstack.git_commit"]) == 40
    assert "steerstack.git_changed" not in tags
    monkeypatch.chdir(changed)
    assert SteerstackContext().tags()["steerstack.git_changed"] == "true"


def test_the_commit_of_steerstack_is_not_that_of_a_checkout_around_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True).stdout
    monkeypatch.chdir(tmp_path.parent)
    assert SteerstackContext().tags().get("steerstack.own_commit", "") == own.strip()
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / ".venv" / "site-packages" / "steerstack"
    inside.mkdir(parents=True)
    (inside / "__init__.py").touch()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    monkeypatch.setitem(sys.modules, "steerstack", SimpleNamespace(__file__=str(inside / "__init__.py")))
    tags = SteerstackContext().tags()
    assert "steerstack.git_commit" in tags
    assert "steerstack.own_commit" not in tags


def test_places(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert location.resolve() == f"sqlite:///{own_home}/mlflow.db"
    assert location.artifacts(location.resolve()) == own_home / "artifacts"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere")
    assert location.resolve() == "http://somewhere"
    assert location.resolve("http://elsewhere") == "http://elsewhere"
    assert location.artifacts("http://somewhere") is None
    monkeypatch.chdir(own_home.parent)
    assert location.resolve("sqlite:///a.db") == f"sqlite:///{own_home.parent}/a.db"
    assert location.resolve("sqlite:///:memory:") == "sqlite:///:memory:"
    assert location.without_password("http://ann:secret@host/x") == "http://***@host/x"


def test_looking_does_not_make_a_store(own_home: Path) -> None:
    assert "made on first use" in check()
    assert list_vectors() == []
    with pytest.raises(RegistryError, match="yet"):
        load_vector("models:/a/1")
    assert not own_home.exists()


def test_check_says_where(store: str) -> None:
    assert check() == f"{store} answers"
    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        check("http://127.0.0.1:9")
    assert "refused" in caught.value.seen


def test_quiet_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("alembic")
    monkeypatch.setattr(logger, "level", logging.INFO)
    with quietly():
        assert logger.level == logging.CRITICAL
    assert logger.level == logging.INFO
