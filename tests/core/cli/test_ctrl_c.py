"""Ctrl-C, however often and whenever it is pressed: one message, exit code 130, and nothing finished is lost."""

import json

import pytest
import yaml
from tests.core.cli.interrupts import MESSAGE, interrupted, press, rain
from tests.support.wait import PATIENCE

from steerstack.run.ledger import TOGETHER


def stopped(code, errors):
    assert code == 130, errors
    assert errors.count(MESSAGE) == 1
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


@pytest.mark.parametrize(
    "moment", ["import:typer", "import:torch", "swallowed:typer", "swallowed:transformers", "dropped:torch"]
)
def test_while_something_is_imported(moment, tiny_folder):
    stopped(*rain(interrupted(moment, "models", "inspect", tiny_folder)))


def test_once_is_enough_also_where_python_can_raise_nothing(tiny_folder):
    process = interrupted("dropped:typer", "models", "inspect", tiny_folder)
    press(process, 1)
    errors = process.communicate(timeout=PATIENCE)[1]
    stopped(process.returncode, errors)


def test_while_the_first_is_dealt_with(tiny_folder):
    process = interrupted("tidied:torch", "models", "inspect", tiny_folder)
    press(process, 5)
    output, errors = process.communicate(timeout=PATIENCE)  # it ends the input that the tidying up waits for
    assert output == "tidied\n"
    stopped(process.returncode, errors)


def test_in_a_step(tmp_path, tiny_folder, table, own_home):
    file = tmp_path / "study.yaml"
    declared = {
        "study": "efficiency", "model": str(tiny_folder), "data": str(table), "behavior": "kindness",
        "techniques": ["mean-difference"], "layers": [1], "sizes": [2, 4], "seeds": TOGETHER // 2 + 1, "nulls": False,
    }  # fmt: skip
    file.write_text(yaml.safe_dump(declared))
    done = 1 + TOGETHER  # the unsteered model, and the fits that are measured in one go
    stopped(*rain(interrupted(f"step:{done + 1}", "run", file, "--no-record")))
    (ledger,) = own_home.rglob("ledger.jsonl")
    content = ledger.read_text()
    assert content.endswith("\n")
    assert len([json.loads(line) for line in content.splitlines()]) == done


@pytest.mark.parametrize("moment", ["thread", "exit"])
def test_after_the_end_nothing_changes(moment):
    process = interrupted(moment, "--help")
    press(process, 5)
    errors = process.communicate(timeout=PATIENCE)[1]
    assert (process.returncode, errors) == (0, "")
