"""``evaluate --metric``: every target with its side effects, intervals, confounds, mode and data."""

import json

import pytest
from typer.testing import CliRunner

from steerstack import extract, open_model
from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.cli import app

TARGETS = {"truthfulness", "hallucination", "sycophancy", "power-seeking", "myopia"}


def run(*args):
    return CliRunner().invoke(app, ["evaluate", *map(str, args)])


@pytest.fixture
def vector(tiny_folder, tmp_path):
    model = open_model(str(tiny_folder))
    steering_vector = extract(model, load_data("myopia").limit(6), find("extractor", "mean-difference").make())
    steering_vector.save(tmp_path / "v.safetensors")
    return tmp_path / "v.safetensors"


def test_all_gives_the_five_targets_with_side_effects(tiny_folder, vector, tmp_path):
    out = tmp_path / "out.json"
    result = run(
        "--model", tiny_folder, "--metric", "all", "--limit", 2, "--vector", vector, "--layer", 2, "--json", out
    )
    assert result.exit_code == 0, (result.output, result.exception)
    value = json.loads(out.read_text())
    metrics = {metric["metric"]: metric for metric in value["metrics"]}
    assert set(metrics) >= TARGETS | {"mmlu", "neutral-text", "degeneration", "truthfulqa-mc"}
    for metric in metrics.values():
        assert metric["n"] >= 1
        assert {"value", "ci_low", "ci_high"} <= set(metric["estimate"])
        assert "effect" in metric
        assert metric["about"]
    for name in TARGETS:
        assert metrics[name]["confounds"]
        assert metrics[name]["edited_positions"] > 0
    assert metrics["neutral-text"]["estimate"]["value"] > 0


def test_one_target_brings_the_others_unless_told_not_to(tiny_folder, tmp_path):
    out = tmp_path / "out.json"
    alone = ["--model", tiny_folder, "--metric", "myopia", "--no-side-effects", "--limit", 2, "--json", out]
    assert run(*alone).exit_code == 0
    assert [metric["metric"] for metric in json.loads(out.read_text())["metrics"]] == ["myopia"]


def test_a_plan_file_serves_too(tiny_folder, vector, tmp_path):
    plan, out = tmp_path / "plan.yaml", tmp_path / "out.json"
    plan.write_text("edits: [{vector: v.safetensors, layers: [1, 2], scale: 0.5}]\n")
    result = run("--model", tiny_folder, "--data", "myopia", "--limit", 3, "--plan", plan, "--json", out)
    assert result.exit_code == 0, (result.output, result.exception)
    assert [edit["site"] for edit in json.loads(out.read_text())["plan"]] == ["resid_post.1", "resid_post.2"]
    both = run("--model", tiny_folder, "--data", "myopia", "--plan", plan, "--vector", vector, "--layer", 1)
    assert "exclude each other" in str(both.exception)
