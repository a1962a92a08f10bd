"""Forecasts count what will be run, read no test item, and are of the right size."""

import time
from dataclasses import replace

import pytest

from steerstack import Efficiency
from steerstack.catalog.data import load_data
from steerstack.data.splits import split
from steerstack.steering.intervention import Plan
from steerstack.study.forecast import fit_seconds, forecast_arms, forecast_fits, unit
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack.techniques.labels.subsets import subset
from steerstack.techniques.technique import technique


@pytest.fixture
def parts(table):
    return split(load_data(table, behavior="kindness"))


class Locked:
    """Test items that can be counted, and not be read."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getattr__(self, name):
        raise AssertionError(f"{name} of the test items was read")


def test_the_forecast_counts_fits_and_items_and_reads_no_test_item(llama, parts):
    techniques = [technique("mean-difference", layers=(1, 2)), technique("logistic", layers=(2,))]
    forecast = forecast_fits(llama, replace(parts, test=Locked(len(parts.test))), techniques, (4, 8), 3, "text")
    assert forecast.fits == 12
    assert forecast.evaluations == 13 * len(parts.test)
    assert set(forecast.by_part) == {"mean-difference", "logistic", "measuring on the test items"}
    assert "12 fits" in forecast.text()


@pytest.fixture
def work(llama, monkeypatch):
    """Tokens that went through blocks of the model; the forecast takes them for the time."""
    tokens = [0]

    def count(_block, inputs, _output):
        tokens[0] += inputs[0].shape[0] * inputs[0].shape[1]

    hooks = [block.register_forward_hook(count) for block in llama.module.model.layers]
    monkeypatch.setattr(time, "perf_counter", lambda: float(tokens[0]))
    yield tokens
    for hook in hooks:
        hook.remove()


def test_the_forecast_is_of_the_size_of_the_run(llama, table, tmp_path, work):
    data = load_data(table, behavior="kindness")
    study = Efficiency(
        data="kindness", techniques=("mean-difference", "logistic"), layers=(1, 2), sizes=(4, 8), seeds=4, nulls=False
    )
    expected = study.plan_only(llama, data=data).seconds
    before = work[0]
    study.run(llama, data=data, folder=tmp_path)
    took = work[0] - before
    assert took / 1.5 < expected < took * 1.5


def test_seconds_are_those_of_one_item_times_the_items(llama, parts, work):
    steps = [("a", 10, 4), ("b", 6, 0)]
    plan = apply(extract(llama, parts.train, "mean-difference"), 1, 1.0)
    forecast, per = (
        forecast_arms(llama, parts.validation, "text", steps, plan),
        unit(llama, parts.validation, "text", plan),
    )
    assert per.bare > 0
    assert per.arm > 0
    assert forecast.by_part == {"a": 10 * (per.bare + 4 * per.arm), "b": 6 * per.bare}
    assert forecast.seconds == sum(forecast.by_part.values())


def test_arms_are_counted_step_by_step(llama, parts):
    forecast = forecast_arms(llama, parts.validation, "text", [("a", 10, 4), ("b", 6, 0)], Plan())
    assert forecast.evaluations == 10 * 5 + 6
    assert forecast.minimal_effect is None  # an empty plan moves nothing


def test_a_method_that_cannot_be_fitted_costs_nothing(llama, parts):
    costs, treatment = fit_seconds(technique("leace", layers=(2,)), llama, [subset(parts, 1, seed=0)], "text")
    assert treatment is None or costs(1) >= 0
