"""Several vectors together: each chosen on validation, in both orders where the order can matter."""

from dataclasses import replace

import pytest

from steerstack import Stack
from steerstack.catalog.data import load_data
from steerstack.data.splits import split
from steerstack.techniques.extract import extract
from steerstack_plugins.extraction.logistic import Logistic


@pytest.fixture
def data(table):
    return load_data(table, behavior="kindness")


def run(model, data, folder, others):
    together = tuple({"name": name, "vector": vector} for name, vector in others.items())
    study = Stack(data="kindness", layers=(2,), shares=(0.2,), nulls=1, finetunes=(), few_shot=None, together=together)
    return study.run(model, data=data, folder=folder)


def test_order_is_tried_at_one_layer_and_decided_by_the_pass_at_two(llama, data, tmp_path):
    train = split(data).train
    other = extract(llama, train, Logistic(), position="response")
    removing = replace(other, edit="ablate")
    same = run(llama, data, tmp_path / "same", {"logistic": other, "ablation": removing})
    adding, ablating = same.companions
    assert adding.before.log_odds == pytest.approx(adding.after.log_odds, abs=1e-5)  # additions commute
    assert abs(ablating.before.log_odds - ablating.after.log_odds).max() > 1e-4  # an ablation removes what came before
    value = same.to_json()
    assert [c["order"]["difference"] is not None for c in value["companions"]] == [True, True]
    assert ["vector", "ablation"] in [entry["of"] for entry in value["interactions"]]
    assert "The order of the vector and ablation" in value["verdict"]
    apart = run(llama, data, tmp_path / "apart", {"logistic": other.only(1)})
    assert apart.companions[0].before is None
    assert "different layers" in apart.to_json()["companions"][0]["order"]["decided_by"]
    arms = {row["vector"] for row in same.rows()}
    assert {"logistic", "vector, then ablation", "ablation, then vector", "random 0", "shuffled labels 0"} <= arms
