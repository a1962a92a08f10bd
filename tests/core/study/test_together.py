"""Several vectors together: each chosen on validation, in both orders where the order can matter."""

from dataclasses import replace

import pytest

from steerstack.catalog import load_data
from steerstack.extraction import extract
from steerstack.splits import split
from steerstack.study.grid import Cell
from steerstack.study.stack import run_stack
from steerstack.study.stacking import Stacking
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.extraction.logistic import Logistic
from steerstack_plugins.extraction.mean_difference import MeanDifference


@pytest.fixture
def data(table):
    return load_data(table, behavior="kindness")


def run(model, data, folder, *, layers, **options):
    study = Stacking("kindness", layers=layers, shares=(0.2,), nulls=1)
    return run_stack(study, model, data, MeanDifference(), [], folder=folder, **options)


def test_order_is_tried_at_one_layer_and_decided_by_the_pass_at_two(llama, data, tmp_path):
    train = split(data).train
    other = extract(llama, train, Logistic(), position="response")
    removing = replace(other, edit="ablate")
    same = run(llama, data, tmp_path / "same", layers=(2,), together={"logistic": other, "ablation": removing})
    adding, ablating = same.companions
    assert adding.before.log_odds == pytest.approx(adding.after.log_odds, abs=1e-5)  # additions commute
    assert abs(ablating.before.log_odds - ablating.after.log_odds).max() > 1e-4  # an ablation removes what came before
    value = same.to_json()
    assert [c["order"]["difference"] is not None for c in value["companions"]] == [True, True]
    assert ["vector", "ablation"] in [entry["of"] for entry in value["interactions"]]
    assert "The order of the vector and ablation" in value["verdict"]
    apart = run(llama, data, tmp_path / "apart", layers=(2,), together={"logistic": other.only(1)})
    assert apart.companions[0].before is None
    assert "different layers" in apart.to_json()["companions"][0]["order"]["decided_by"]
    arms = {row["vector"] for row in same.frame()}
    assert {"logistic", "vector, then ablation", "ablation, then vector", "random 0", "shuffled labels 0"} <= arms


def test_demonstrations_are_a_level_of_the_prompt(llama, data, tmp_path):
    result = run(llama, data, tmp_path, layers=(2,), demonstrations=FewShot(shots=2, draws=2))
    assert Cell("few-shot", "positive") in result.grid
    assert ["vector", "few-shot"] in [entry["of"] for entry in result.interactions]
    assert result.to_json()["finetunes"]["few-shot"]["context_tokens"] > 0


def test_unrelated_vectors_are_nulls_of_the_same_norm(llama, data, tmp_path):
    result = run(llama, data, tmp_path, layers=(2,), others=[load_data("myopia")])
    assert list(result.nulls) == ["random 0", "shuffled labels 0", "unrelated: myopia"]


def test_a_study_can_be_held_at_a_kl(llama, data, tmp_path):
    study = Stacking("kindness", layers=(1, 2), nulls=0, matched_kl=0.05)
    result = run_stack(study, llama, data, MeanDifference(), [], folder=tmp_path)
    assert len(result.chosen.tried) == 2
    assert all(0.02 < tried.kl < 0.2 for tried in result.chosen.tried)
    assert "0.05 nats" in result.chosen.rule
