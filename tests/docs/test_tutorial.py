"""The newcomer's path, word for word: the commands of the tutorial, in a clone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.conftest import DOCS, ROOT

from steerstack_registry.read.listing import list_vectors

pytestmark = [pytest.mark.smollm2, pytest.mark.xdist_group("smollm2")]


def test_a_table_of_twenty_pairs_becomes_a_registered_vector_with_an_effect(tmp_path, own_home):
    text = (DOCS / "tutorial" / "own-data.md").read_text(encoding="utf-8")
    install, *commands = [block.strip() for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL)]
    assert "pip install" in install  # done: the tests run in what it makes
    assert install in (ROOT / "README.md").read_text(encoding="utf-8").replace(" && steerstack demo", "")
    assert 1 + len(commands) <= 5
    assert all("\n" not in command for command in commands)
    clone = tmp_path / "clone"
    shutil.copytree(DOCS / "tutorial", clone / "docs" / "tutorial")
    own = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{own}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    outputs = []
    for command in commands:
        process = subprocess.run(["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True)
        assert process.returncode == 0, f"{command}\n{process.stdout}{process.stderr}"
        outputs.append(process.stdout)
    (row,) = list_vectors()
    assert (row["name"], row["version"]) == ("enthusiasm--SmolLM2-135M-Instruct--mean-difference", 1)
    assert row["effects"]["effect/alone"]["ci_low"] < row["effects"]["effect/alone"]["value"]
    assert f"registered: models:/{row['name']}/1" in outputs[1]
    assert (clone / "report.html").is_file()
    assert "FAILS" not in outputs[-1]
    assert "holds" in outputs[-1]


def test_the_lines_shown_are_those_of_the_file():
    lines = (DOCS / "tutorial" / "enthusiasm.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "question,exhibits,not"
    assert len(lines) == 21
