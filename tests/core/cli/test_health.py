"""The doctor names what is installed and where things lie, and what is amiss, and exits by it."""

import importlib.metadata
import json

from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.cli.health import PACKAGES


def doctor(*words):
    result = CliRunner().invoke(app, ["doctor", "--json", "-", *words])
    return result.exit_code, json.loads(result.stdout)


def test_a_sound_installation_is_said_to_be(own_home):
    code, health = doctor()
    found = {entry["what"]: entry["found"] for entry in health["checks"]}
    assert (code, health["ok"]) == (0, True)
    assert {name: found[name] for name in PACKAGES} == {name: importlib.metadata.version(name) for name in PACKAGES}
    assert found["home"] == str(own_home)


def test_a_store_that_cannot_be_reached_is_the_one_thing_amiss(tmp_path):
    (tmp_path / "file").write_text("no folder")
    code, health = doctor("--tracking-uri", f"sqlite:///{tmp_path}/file/mlflow.db")
    assert (code, health["ok"]) == (1, False)
    assert [entry["what"] for entry in health["checks"] if not entry["ok"]] == ["tracking store"]


def test_a_vector_is_looked_at_only_if_asked_why():
    result = CliRunner().invoke(app, ["doctor", "--vector", "v.safetensors"])
    assert result.exit_code == 1
