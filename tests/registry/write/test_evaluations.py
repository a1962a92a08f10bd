"""Evaluations in the registry: effects and metrics on the vector that has them, measured again by ``verify``."""

import json

import pytest
from typer.testing import CliRunner

from steerstack import extract, open_model
from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.cli import app

NAME = "myopia--model--mean-difference"


def run(*args, code=0):
    result = CliRunner().invoke(app, list(map(str, args)))
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def evaluate(tiny_folder, tmp_path, store):
    """``evaluate --record`` of a vector from six items."""
    folder = tmp_path / "model"
    folder.symlink_to(tiny_folder)
    steering_vector = extract(
        open_model(str(folder)), load_data("myopia").limit(6), find("extractor", "mean-difference").make()
    )
    steering_vector.save(tmp_path / "v.safetensors")
    out = tmp_path / "out.json"

    def go(*options, vector=True):
        applied = ["--vector", tmp_path / "v.safetensors", "--layer", 2] if vector else []
        run("evaluate", "--model", folder, *applied, "--record", "--json", out, *options)
        return json.loads(out.read_text())

    return go


def test_an_effect_is_kept_with_its_vector_and_holds_when_measured_again(evaluate):
    value = evaluate("--data", "myopia", "--limit", 9, "--scale", 2)
    assert value["mlflow"]["model_uri"] == f"models:/{NAME}/1"
    shown = json.loads(run("registry", "show", NAME, "--json"))
    effect = shown["effects"]["effect/layer 2 scale 2"]
    wanted = value["effect"]["estimate"]
    assert (effect["value"], effect["ci_low"], effect["n"]) == pytest.approx((wanted["value"], wanted["ci_low"], 9))
    assert effect["data_digest"] == value["data_digest"][:36]
    checks = json.loads(run("registry", "verify", NAME, "--json"))
    assert [check["what"] for check in checks] == ["vector", "model", "files", "test data", "items"]
    assert all(check["holds"] for check in checks), checks
    assert "8 results" in checks[-1]["detail"]


def test_a_system_prompt_and_another_edit_are_measured_again_too(evaluate):
    evaluate("--data", "myopia", "--limit", 9, "--edit", "ablate", "--system", "Be brief.", "--tokens", "all")
    shown = json.loads(run("registry", "show", NAME, "--json"))
    assert list(shown["effects"]) == ["effect/layer 2 scale 1 ablate under a system prompt"]
    checks = json.loads(run("registry", "verify", NAME, "--json"))
    assert all(check["holds"] for check in checks), checks


def test_the_same_vector_on_other_data_is_not_another_vector(evaluate):
    evaluate("--data", "myopia", "--limit", 9)
    evaluate("--data", "sycophancy", "--limit", 9)
    (row,) = json.loads(run("registry", "list", "--json"))
    assert set(row["effects"]) == {"effect/layer 2 scale 1", "effect/layer 2 scale 1 on sycophancy"}
    assert "## Effects on all items" in json.loads(run("registry", "show", NAME, "--json"))["card"]


def test_metrics_are_kept_each_with_its_own_data(evaluate, store):
    value = evaluate("--metric", "myopia,power-seeking", "--limit", 3, "--no-side-effects")
    effects = json.loads(run("registry", "show", NAME, "--json"))["effects"]
    assert set(effects) == {"metric/myopia", "metric/power-seeking"}
    for metric in value["metrics"]:
        effect = effects[f"metric/{metric['metric']}"]
        assert effect["value"] == pytest.approx(metric["effect"]["value"])
        assert (effect["data"], effect["data_digest"]) == (metric["metric"], metric["about"]["data_digest"][:36])
    from mlflow import MlflowClient

    logged = MlflowClient(store).get_run(value["mlflow"]["run_id"])
    assert {"metrics-all", "myopia", "power-seeking"} >= {i.dataset.name for i in logged.inputs.dataset_inputs} - {
        "myopia-all"
    }
    assert logged.data.params["layer"] == "2"


def test_the_account_of_a_known_vector_stays(evaluate, make_run, tmp_path):
    from steerstack.steering.vector import SteeringVector
    from steerstack_registry.write.outbox import record

    vector = SteeringVector.load(tmp_path / "v.safetensors")
    record(make_run(vectors={"base": vector}, card="# myopia\n\nStudied with nulls."))
    evaluate("--data", "myopia", "--limit", 9)
    shown = json.loads(run("registry", "show", NAME, "--json"))
    assert "Studied with nulls." in shown["card"]
    assert {"effect/alone", "effect/layer 2 scale 1"} <= set(shown["effects"])


def test_nothing_applied_is_nothing_to_record(tiny_folder, store):
    result = CliRunner().invoke(
        app, ["evaluate", "--model", str(tiny_folder), "--data", "myopia", "--limit", "3", "--record"]
    )
    assert result.exit_code == 1
    assert "There is no effect to record" in str(result.exception)


def test_a_plan_file_has_an_effect_without_a_vector(evaluate, tmp_path, store):
    plan = tmp_path / "plan.yaml"
    plan.write_text("edits: [{vector: v.safetensors, layers: [1, 2], scale: 0.5}]\n")
    value = evaluate("--data", "myopia", "--limit", 9, "--plan", plan, vector=False)
    assert value["mlflow"]["model_uri"] == ""
    from mlflow import MlflowClient

    assert "effect/plan" in MlflowClient(store).get_run(value["mlflow"]["run_id"]).data.metrics


def test_a_store_that_is_down_loses_no_result(evaluate, tmp_path):
    with pytest.raises(AssertionError, match="it is kept in"):
        evaluate("--data", "myopia", "--limit", 9, "--tracking-uri", "http://127.0.0.1:9")
    assert json.loads((tmp_path / "out.json").read_text())["mlflow"] is None
