"""The frontier: vectors stand at the KL that was asked, costs are the plain ones, and it resumes."""

import json

import numpy as np
import pytest
import torch

from steerstack.applying import apply_all
from steerstack.catalog import baseline, load_data
from steerstack.engine.distance import distance
from steerstack.errors import StudyError
from steerstack.intervention import Plan
from steerstack.report.pages import page_of
from steerstack.study.fitted_step import values_of
from steerstack.study.frontier import Frontier
from steerstack.study.frontier_points import forecast_frontier, run_frontier
from steerstack.study.neutral import neutral_answers
from steerstack.study.techniques import Condition, Conditioning, technique
from steerstack.study.unrelated import null_techniques
from steerstack.tokens import Tokens

STUDY = Frontier("kindness", budgets=(0.02, 0.1), knowledge=8)


@pytest.fixture
def techniques():
    options = {"layers": (1, 2)}
    tune = Conditioning(baseline("lora-sft").make({"epochs": 1, "learning_rate": 5e-3}))
    return [technique("mean-difference", **options), tune, *null_techniques("kindness", **options)]


def test_vectors_stand_at_the_cost_asked_and_at_that_of_the_baseline(llama, table, techniques, tmp_path):
    data = load_data(table, behavior="kindness")
    result = run_frontier(STUDY, llama, data, techniques, folder=tmp_path / "one")
    assert not result.left_out
    tuned = next(point for point in result.points if point.budget is None)
    held = [point for point in result.points if point.budget is not None]
    assert {point.matched for point in held} == {None, "lora-sft"}
    for point in held:
        wanted = point.budget if point.matched is None else np.mean(tuned.kl)
        assert np.mean(point.kl) == pytest.approx(wanted, rel=0.5)  # calibrated on six of the texts
        assert len(point.values) == len(result.splits.test)
    assert len(result.matches) == 4  # one vector and three nulls
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    assert "At the KL of lora-sft" in value["verdict"]
    page = page_of(value, {"study": "frontier"})
    assert [plot.name for plot in page.plots] == ["kl", "perplexity", "knowledge"]
    (vector,) = result.vectors.values()
    assert list(result.vectors) == ["mean-difference held at a KL"]
    for point in (point for point in held if point.technique == "mean-difference"):
        plan = apply_all(vector, point.record["layers"], point.record["scale"], tokens=Tokens.parse("response"))
        assert values_of(Condition(llama, plan), result.splits.test, "text") == pytest.approx(point.values)
    again = run_frontier(STUDY, llama, data, techniques, folder=tmp_path / "one")
    assert again.frame() == result.frame()
    lines = (tmp_path / "one" / "ledger.jsonl").read_text().splitlines()
    assert len(lines) == 1 + len(result.points)


def test_the_distance_is_the_plain_one_also_under_a_prompt(llama):
    bare = neutral_answers(llama.format, 2)
    prompted = neutral_answers(llama.format, 2, system="Be kind.")
    found = distance(llama, bare, llama, prompted, Plan())
    for kl, before, after in zip(found.kl, bare, prompted, strict=True):
        with torch.no_grad():
            logp = [
                llama.module(torch.tensor([text.ids])).logits[0, text.answer_start - 1 : -1].log_softmax(-1)
                for text in (before, after)
            ]
        assert kl == pytest.approx(float((logp[1].exp() * (logp[1] - logp[0])).sum(-1).mean()), rel=1e-3, abs=1e-6)
    with pytest.raises(StudyError, match="other tokens"):
        distance(llama, bare, llama, list(reversed(prompted)), Plan())


def test_the_forecast_counts_every_point_without_reading_the_test(llama, table, techniques):
    data = load_data(table, behavior="kindness")
    found = forecast_frontier(STUDY, llama, data, techniques)
    assert found.fits == len(techniques)
    assert found.seconds > 0
    assert set(found.by_part) == {one.name for one in techniques}
