"""The documentation, built once with every example run, and its pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built pages; a warning or a failing example fails everything that asks for it."""
    folder = tmp_path_factory.mktemp("docs")
    environment = {
        **os.environ,
        "STEERSTACK_HOME": str(folder / "home"),
        "STEERSTACK_BATCH_TOKENS": "2048",
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "ignore",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    sphinx = [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-n", "-W", "--keep-going", "-d", folder / "doctrees"]
    done = subprocess.run([*sphinx, DOCS, folder / "html"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"
