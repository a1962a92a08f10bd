"""The page on installing names every extra, and nothing that the install does not bring."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_extra_is_on_the_page():
    _, table = PAGE.split("## Extras")
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(PROJECT["optional-dependencies"])


def test_the_core_is_what_the_page_says():
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert {"trl", "mlflow", "peft", "torch"} <= core
    assert "plotly" not in core
    hub = {Requirement(line).name for line in PROJECT["optional-dependencies"]["hub"]}
    assert hub <= {Requirement(line).name for line in requires("trl") or ()}
