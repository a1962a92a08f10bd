"""Names in MLflow: different things have different ones, which MLflow takes."""

from dataclasses import replace

import pytest
from mlflow.utils.validation import _validate_metric_name, _validate_model_name, _validate_param_name

from steerstack.contracts.recorder import RunRecord
from steerstack_registry.access import names
from steerstack_registry.read.listing import list_vectors
from steerstack_registry.read.load_vector import load_vector
from steerstack_registry.write.outbox import record

TRICKS = (
    "热情", "热心", "🔥", "💥", "%", "!", "", "x/../../..", "..", "a b", "a-b", "a:b", "a/b", "a--b", "<b>", "[red]",
    "x" * 400, "x" * 401, "доброта", "Доброта", "مهربانی", "it's", "100 %",
)  # fmt: skip


def test_registered_names(vector):
    registered_names = [names.registered_name(vector, trick, "m") for trick in TRICKS]
    assert len(set(registered_names)) == len(TRICKS)
    for name in registered_names:
        _validate_model_name(name)
        assert len(name) < 256
        assert not set(name) & set("%@/:'\"#?&")


def test_what_was_registered_before_keeps_its_name(vector):
    assert names.registered_name(vector, "corrigible-neutral-HHH", "m") == (
        "corrigible-neutral-HHH--Tiny-1B--mean-difference"
    )
    assert names.registered_name(vector, "myopia", "m", "refitted on lora-sft").endswith("--refitted-on-lora-sft")


@pytest.mark.parametrize("prefix", ["effect/", "", "a/"])
def test_metric_keys(prefix):
    keys = [names.metric_key(prefix + trick) for trick in TRICKS if prefix + trick and trick != "a:b"]
    assert len(set(keys)) == len(keys)
    for name in keys:
        _validate_metric_name(name + ".ci_high")
        _validate_param_name(name)
    assert names.metric_key("effect/mean-difference n=2") == "effect/mean-difference n-2"
    assert names.metric_key("interaction/promptxvector positive") == "interaction/promptxvector positive"


def test_experiments():
    experiments = [names.experiment_name(trick) for trick in TRICKS]
    assert len(set(experiments)) == len(TRICKS)
    assert max(map(len, experiments)) <= 250
    assert names.experiment_name("热情 🔥") == "steerstack/热情 🔥"


def test_behaviors_in_any_script_are_recorded_apart(store, make_run, vector):
    behaviors = ("热情 🔥", "💥", "%", "a/../../b")
    unmade = replace(vector, origin=replace(vector.origin, model_name="unknown"))
    runs: list[RunRecord] = [make_run(behavior=behavior, files=[]) for behavior in behaviors]
    uris = [record(run, store).model_uri for run in runs]
    assert len(set(uris)) == len(behaviors)
    assert all(uri.endswith("/1") for uri in uris)
    dotted = record(make_run(model_name="Qwen/Qwen2.5-0.5B", vectors={"base": unmade}, files=[]), store).model_uri
    assert dotted == "models:/myopia--Qwen2.5-0.5B--mean-difference/1"
    assert load_vector(dotted, store).fingerprint == vector.fingerprint
    rows = [row for row in list_vectors(store) if row["role"] == "base"]
    assert sorted(row["behavior"] for row in rows) == sorted([*behaviors, "myopia"])
    for uri in uris:
        assert load_vector(uri, store).fingerprint == vector.fingerprint
        assert load_vector(uri.rsplit("/", 1)[0] + "@newest", store).fingerprint == vector.fingerprint
