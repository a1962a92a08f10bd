"""Harnesses that know OpenAI's protocol alone, against a served model: unsteered and steered, as inside the harness."""

import gc

import lm_eval
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.solver import generate
from lm_eval.tasks import TaskManager
from tests.support.openai_server import TOKEN, openai_server

import steerstack_plugins.harnesses.lm_eval_model  # noqa: F401  # fills lm-eval's registry
from steerstack.steering.vector import SteeringVector
from steerstack.trace.open import open_model

# what Inspect itself does: calls of a library that has moved on, streams that it leaves open
pytestmark = [
    pytest.mark.filterwarnings("ignore:The 'initial' parameter is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*MemoryObject(Send|Receive)Stream:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def address(tiny_folder, plan_of):
    from pathlib import Path

    vector = SteeringVector.load(Path(plan_of(1.0)).parent / "v.safetensors")
    with openai_server(open_model(str(tiny_folder)), {"v": vector}) as served:
        yield served
    gc.collect()


def samples(tasks, kind, **arguments):
    result = lm_eval.simple_evaluate(
        model=kind, model_args=arguments, tasks=["own_choice", "own_text"], batch_size=2, bootstrap_iters=0, limit=3,
        task_manager=TaskManager(include_path=str(tasks)), log_samples=True, device="cpu",
    )  # fmt: skip
    return {name: [of for row in rows for [of] in row["resps"]] for name, rows in result["samples"].items()}


@pytest.mark.parametrize(("scale", "steering"), [(0.0, ""), (4.0, "?vector=v&layer=1&scale=4&tokens=all")])
def test_lm_evals_local_completions(tasks, tiny_folder, plan_of, address, monkeypatch, scale, steering):
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    theirs = samples(
        tasks, "local-completions", base_url=f"{address}/completions", model=f"tiny{steering}", max_length=512,
        tokenizer=str(tiny_folder), tokenizer_backend="huggingface", max_retries=1,
    )  # fmt: skip
    ours = samples(tasks, "steerstack", pretrained=str(tiny_folder), plan=plan_of(scale, "all"))
    for a, b in zip(theirs["own_choice"], ours["own_choice"], strict=True):
        assert a[0] == pytest.approx(b[0], abs=1e-4)
        assert a[1] == b[1]
    assert theirs["own_text"] == ours["own_text"]


def test_inspects_provider_of_the_protocol(tiny_folder, plan_of, address, tmp_path, monkeypatch):
    monkeypatch.setenv("STEER_API_KEY", TOKEN)
    monkeypatch.setenv("STEER_BASE_URL", address)

    def texts(model, arguments=None, **config):
        task = Task(dataset=[Sample(input="Is the sky blue?"), Sample(input="x")], solver=generate())
        [log] = eval(
            task, model=model, model_args=arguments or {}, log_dir=str(tmp_path / "logs"), display="none",
            max_tokens=12, temperature=0, **config,
        )  # fmt: skip
        assert log.status == "success", log.error
        return [sample.output.completion for sample in log.samples]

    steering = {"vector": "v", "layer": 1, "scale": 4}
    bare = texts("openai-api/steer/tiny")
    steered = texts("openai-api/steer/tiny", extra_body={"steering": steering})
    assert bare == texts(f"steerstack/{tiny_folder}")
    assert steered == texts(f"steerstack/{tiny_folder}", {"plan": plan_of(4.0)})
    assert steered != bare
    gc.collect()
