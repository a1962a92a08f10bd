"""``steerstack lm-eval``, and what is said where an extra is missing."""

import importlib
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import PluginError


def test_it_runs_the_harness_with_our_model(tasks, tiny_folder, plan_of, tmp_path):
    arguments = [
        "lm-eval", "--model", "steerstack", "--model_args", f"pretrained={tiny_folder},plan={plan_of(4.0)}",
        "--tasks", "own_choice", "--include_path", str(tasks), "--output_path", str(tmp_path / "out"),
        "--device", "cpu",
    ]  # fmt: skip
    outcome = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    [file] = (tmp_path / "out").rglob("results_*.json")
    assert 0 <= json.loads(file.read_text())["results"]["own_choice"]["acc,none"] <= 1


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("lm_eval_model", "lm_eval", "lmeval"), ("inspect_provider", "inspect_ai", "inspect")],
)
def test_a_missing_extra_is_named(monkeypatch, module, package, extra):
    monkeypatch.delitem(sys.modules, f"steerstack_plugins.harnesses.{module}", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PluginError, match=rf"pip install steerstack\[{extra}\]"):
        importlib.import_module(f"steerstack_plugins.harnesses.{module}")


def test_help_imports_no_harness():
    code = (
        "import sys; from typer.testing import CliRunner; from steerstack.cli import app\n"
        "out = CliRunner().invoke(app, ['--help']).output\n"
        "assert 'lm-eval' in out, out\n"
        "assert not {'lm_eval', 'inspect_ai', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
