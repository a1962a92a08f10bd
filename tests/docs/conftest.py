"""The documentation, built once with every example run, and its pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built pages; a warning or a failing example fails everything that asks for it.

    Built once also where several processes test: the first one builds, the others wait for it.
    """
    shared = tmp_path_factory.getbasetemp()
    folder = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "docs"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            folder.mkdir()
            (folder / "outcome").write_text(_build(folder), encoding="utf-8")
    outcome = (folder / "outcome").read_text(encoding="utf-8")
    assert not outcome, outcome
    return folder / "html"


def _build(folder: Path) -> str:
    """Build the pages; what went wrong, empty if nothing did."""
    environment = {
        **os.environ,
        "STEERSTACK_HOME": str(folder / "home"),
        "STEERSTACK_BATCH_TOKENS": "2048",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-n", "-W", "--keep-going", "-d", folder / "doctrees"]
    process = subprocess.run([*sphinx, DOCS, folder / "html"], env=environment, capture_output=True, text=True)
    return "" if process.returncode == 0 else process.stdout + process.stderr
