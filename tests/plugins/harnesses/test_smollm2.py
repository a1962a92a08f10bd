"""TruthfulQA of lm-evaluation-harness, on the embedded model: equal to the harness's own, and moved by a plan."""

import json
import os
from pathlib import Path

import lm_eval
import pytest
import yaml
from lm_eval.tasks import TaskManager
from tests.support.published import short_questions

import steerstack_plugins.harnesses.lm_eval_model  # noqa: F401  # fills the harness's registry
from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.steering.intervention import Plan
from steerstack.techniques.extract import extract
from steerstack.trace.embedded_model import embedded_model
from steerstack_plugins.extraction.mean_difference import MeanDifference

pytestmark = [pytest.mark.smollm2, pytest.mark.xdist_group("smollm2")]

DATA = Path(os.environ.get("STEERSTACK_DATA", Path(__file__).parents[4] / "shared/data"))
QUESTIONS = DATA / "truthfulqa/mc_task.json"


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """The harness's ``truthfulqa_mc1``, its prompt and metric untouched, fed from the published file."""
    folder = tmp_path_factory.mktemp("tasks")
    _, short = short_questions(QUESTIONS, folder, 3)
    rows = [
        {"question": row["question"], **{
            name: {"choices": list(row[name]), "labels": list(row[name].values())} for name in ("mc1_targets",)
        }}
        for row in short
    ]  # fmt: skip
    data = folder / "mc.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    published = Path(lm_eval.__file__).parent / "tasks/truthfulqa/truthfulqa_mc1.yaml"
    local = {
        "include": str(published), "task": "truthfulqa_local", "tag": None, "dataset_path": "json",
        "dataset_name": None, "dataset_kwargs": {"data_files": {"validation": str(data)}},
    }  # fmt: skip
    (folder / "truthfulqa_local.yaml").write_text(yaml.safe_dump(local))
    return folder


@pytest.mark.skipif(not QUESTIONS.exists(), reason="STEERSTACK_DATA does not point to the evaluation sets")
def test_truthfulqa_equals_the_harnesss_own_run(smollm2, task, tmp_path):
    vector = extract(smollm2, load_data("truthfulness").limit(12), MeanDifference(), position="response")
    vector.save(tmp_path / "truth.safetensors")
    plan = tmp_path / "plan.yaml"
    plan.write_text("edits: [{vector: truth.safetensors, layer: 14, scale: 2.0}]\n")
    manager = TaskManager(include_path=str(task))

    def run(model, **arguments):
        result = lm_eval.simple_evaluate(
            model=model, model_args=arguments, tasks=["truthfulqa_local"], task_manager=manager, device="cpu",
            batch_size=4, bootstrap_iters=0, log_samples=True,
        )  # fmt: skip
        samples = result["samples"]["truthfulqa_local"]
        return result["results"]["truthfulqa_local"]["acc,none"], [r[0][0] for s in samples for r in s["resps"]]

    theirs = run("hf", pretrained=str(embedded_model()))
    ours = run("steerstack", pretrained="smollm2")
    assert ours[1] == pytest.approx(theirs[1], abs=1e-3)  # sums over whole answers, in float32
    assert ours[0] == theirs[0]
    mine = find("metric", "truthfulqa-mc").make({"data": str(task / "mc_task.json")}).measure(smollm2, [Plan()])[0]
    assert mine.values["mc1"].mean() == pytest.approx(theirs[0])  # our own metric, on the same questions
    steered = run("steerstack", pretrained="smollm2", plan=str(plan))
    assert max(abs(a - b) for a, b in zip(steered[1], ours[1], strict=True)) > 0.1
