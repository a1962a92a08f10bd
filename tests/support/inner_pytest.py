"""Pytest on files of a test's own, run in this process."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from tests.support.command import here


def run_pytest(files: Path, *options: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run pytest on a file or a folder, without its cache; what lies there is forgotten afterwards."""
    path, place = list(sys.path), files if files.is_dir() else files.parent
    try:
        return here(_main, "pytest", "-q", "-p", "no:cacheprovider", *options, files, cwd=cwd)
    finally:
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if Path(getattr(module, "__file__", None) or "nowhere").is_relative_to(place):
                del sys.modules[name]


def _main() -> None:
    warnings.resetwarnings()  # what is an error here is none there
    sys.exit(pytest.main(sys.argv[1:]))
