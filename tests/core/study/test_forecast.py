"""Forecasts count what will be run, read no test item, and are of the right size."""

import time

import pytest

from steerstack import catalog
from steerstack.intervention import Plan
from steerstack.splits import split
from steerstack.study import forecast as subject
from steerstack.study.efficiency import Efficiency, run_efficiency
from steerstack.study.forecast import fit_seconds, forecast_arms, forecast_fits
from steerstack.study.subsets import subset
from steerstack.study.techniques import technique


@pytest.fixture
def parts(table):
    return split(catalog.load_data(table, behavior="kindness"))


def test_the_forecast_counts_fits_and_items_and_reads_no_test_item(llama, parts, monkeypatch):
    read = set()
    original = subject.score_data
    monkeypatch.setattr(
        subject, "score_data", lambda m, data, *a, **k: (read.update(i.id for i in data), original(m, data, *a, **k))[1]
    )
    techniques = [technique("mean-difference", layers=(1, 2)), technique("logistic", layers=(2,))]
    found = forecast_fits(llama, parts, techniques, (4, 8), 3, "text")
    assert found.fits == 12
    assert found.evaluations == 13 * len(parts.test)
    assert set(found.by_part) == {"mean-difference", "logistic", "measuring on the test items"}
    assert not read & {item.id for item in parts.test}
    assert "12 fits" in found.text()


def test_the_forecast_time_is_of_the_size_of_the_run(llama, parts, table, tmp_path):
    techniques = [technique("mean-difference", layers=(1, 2))]
    expected = forecast_fits(llama, parts, techniques, (4, 8), 4, "text").seconds
    began = time.perf_counter()
    run_efficiency(
        Efficiency("kindness", sizes=(4, 8), seeds=4), llama, catalog.load_data(table, behavior="kindness"),
        techniques, folder=tmp_path,
    )  # fmt: skip
    took = time.perf_counter() - began
    assert took / 4 < expected < took * 4  # a shared machine: the measured ratio is in the benchmark


def test_arms_are_counted_step_by_step(llama, parts):
    found = forecast_arms(llama, parts.validation, "text", [("a", 10, 4), ("b", 6, 0)], Plan())
    assert found.evaluations == 10 * 5 + 6
    assert found.minimal_effect is None  # an empty plan moves nothing


def test_a_method_that_cannot_be_fitted_costs_nothing(llama, parts):
    costs, condition = fit_seconds(technique("leace", layers=(2,)), llama, [subset(parts, 1, seed=0)], "text")
    assert condition is None or costs(1) >= 0
