"""The frontier: vectors stand at the KL that was asked, costs are the plain ones, and it resumes."""

import json

import numpy as np
import pytest

from steerstack import Frontier
from steerstack.catalog.data import load_data
from steerstack.measure.arm import Arm
from steerstack.steering.tokens import Tokens
from steerstack.study.fit_step import values_of
from steerstack.techniques.apply import apply_all

STUDY = Frontier(
    data="kindness",
    techniques=("mean-difference", {"name": "lora-sft", "epochs": 1, "learning_rate": 5e-3}),
    layers=(2,),  # between layers it chooses in tests/core/study/test_fair_choices.py
    budgets=(0.02, 0.1),
    knowledge=8,
)


def test_vectors_stand_at_the_cost_asked_and_at_that_of_the_baseline(llama, table, tmp_path):
    data = load_data(table, behavior="kindness")
    result = STUDY.run(llama, data=data, folder=tmp_path / "one")
    assert not result.left_out
    tuned = next(point for point in result.points if point.budget is None)
    held = [point for point in result.points if point.budget is not None]
    assert {point.matched for point in held} == {None, "lora-sft"}
    for point in held:
        wanted = point.budget if point.matched is None else np.mean(tuned.kl)
        assert np.mean(point.kl) == pytest.approx(wanted, rel=0.05)  # on all the texts
        assert len(point.values) == len(result.splits.test)
    assert len(result.matches) == 4  # one vector and three nulls
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    assert "At the KL of lora-sft" in value["verdict"]
    for match in value["matches"]:
        for side in match["costs"].values():
            assert set(side) == {"kl", "kl_reverse", "kl_own", "kl_own_reverse"}
            assert min(side.values()) > 0
        assert match["costs"]["vector"]["kl"] == pytest.approx(match["costs"]["baseline"]["kl"], rel=0.05)
    assert [plot.name for plot in result.page().plots] == ["kl", "perplexity", "knowledge"]
    assert [arm["label"] for arm in result.samples["items"][0]["arms"]] == ["unsteered", "mean-difference at 0.1 nats"]
    (vector,) = result.vectors.values()
    assert list(result.vectors) == ["mean-difference held at a KL"]
    for point in (point for point in held if point.technique == "mean-difference"):
        plan = apply_all(vector, point.record["layers"], point.record["scale"], tokens=Tokens.parse("response"))
        assert values_of(Arm(llama, plan), result.splits.test, "text") == pytest.approx(point.values)
    again = STUDY.run(llama, data=data, folder=tmp_path / "one")
    assert again.rows() == result.rows()
    lines = (tmp_path / "one" / "ledger.jsonl").read_text().splitlines()
    assert len(lines) == 3 + len(result.points)  # the bare model, its own answers, and the samples


def test_the_forecast_counts_every_point_without_reading_the_test(llama, table):
    forecast = STUDY.model_copy(update={"budgets": (0.1,), "knowledge": 0}).plan_only(
        llama, data=load_data(table, behavior="kindness")
    )
    techniques = STUDY.treated("kindness")
    assert forecast.fits == len(techniques) == 5  # one vector, one fine-tune, three nulls
    assert forecast.seconds > 0
    assert set(forecast.by_part) == {one.name for one in techniques}
