"""An environment of a stranger's, with packages that pip builds and installs into it.

Its Python is started once, and runs one command after the other: each would import torch and transformers anew.
"""

import json
import os
import site
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_RUNNING = """
import json, sys
from pathlib import Path
import anyio._backends._asyncio, anyio.pytest_plugin  # before nnsight, whose .save on every object they do not bear
from tests.support.command import steerstack
from tests.support.inner_pytest import run_pytest

answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    told = json.loads(line)
    if told["program"] == "pytest":
        done = run_pytest(Path(told["words"][0]), "--rootdir", told["folder"], cwd=told["folder"])
    else:
        done = steerstack(*told["words"], check=False, cwd=told["folder"], STEERSTACK_HOME=told["folder"])
    print(json.dumps([done.returncode, done.stdout, done.stderr]), file=answers, flush=True)
"""


class Environment:
    """A virtual environment that sees the packages of the one the tests run in."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder)
        self.python = folder / "bin" / "python"
        (packages,) = folder.glob("lib/python3*/site-packages")
        (packages / "outer.pth").write_text(
            "\n".join(f"import site; site.addsitedir({p!r})" for p in site.getsitepackages())
        )
        self._session: subprocess.Popen[str] | None = None

    def install(self, sources: Sequence[Path]) -> None:
        """Build wheels and install them."""
        pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--python", self.python]
        subprocess.run([*pip, "install", "--no-deps", "--no-index", "--no-build-isolation", *sources], check=True)

    def run(self, *words: object, home: Path) -> "subprocess.CompletedProcess[str]":
        """What ``steerstack`` says to these words there."""
        return self._ask("steerstack", words, home)

    def pytest(self, files: Path, home: Path) -> "subprocess.CompletedProcess[str]":
        """What pytest says of these files there."""
        return self._ask("pytest", [files], home)

    def _ask(self, program: str, words: Sequence[object], folder: Path) -> "subprocess.CompletedProcess[str]":
        if self._session is None:
            path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
            env = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
            self._session = subprocess.Popen(
                [self.python, "-c", _RUNNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
            )
        assert self._session.stdin is not None
        assert self._session.stdout is not None
        order = {"program": program, "words": [str(word) for word in words], "folder": str(folder)}
        self._session.stdin.write(json.dumps(order) + "\n")
        self._session.stdin.flush()
        code, out, err = json.loads(self._session.stdout.readline())
        return subprocess.CompletedProcess(order["words"], code, out, err)

    def close(self) -> None:
        """End its Python."""
        if self._session is not None:
            self._session.communicate()
