"""The package's root: few names, each what it says, and each shows itself on one line."""

import importlib

import pytest

import steerstack


def test_at_most_thirty_names_are_listed_and_all_are_there():
    assert len(dir(steerstack)) <= 30
    assert dir(steerstack) == sorted(steerstack.__all__)
    for name in steerstack.__all__:
        assert getattr(steerstack, name) is not None
    expected = {
        "open_model", "load_data", "load_vector", "split", "extract", "evaluate", "generate", "score", "difference",
        "choose", "sweep", "find", "DataSet", "SteeringVector", "Plan", "Add", "Study", "Stack", "Sweep", "hookimpl",
    }  # fmt: skip
    assert expected <= set(steerstack.__all__)


def test_what_plugins_implement_is_there_without_being_listed():
    contracts = importlib.import_module("steerstack.contracts")
    for name in ("Metric", "Probe", "Baseline", "DataFormat", "Edit"):
        assert getattr(steerstack, name) is getattr(contracts, name)
        assert name not in dir(steerstack)


def test_a_misspelt_name_is_suggested():
    with pytest.raises(AttributeError, match="did you mean 'open_model'"):
        steerstack.open_modle  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'qqq'$"):
        steerstack.qqq  # noqa: B018


def test_what_comes_out_is_one_line_and_a_small_page(llama):
    data = steerstack.load_data("myopia").limit(20)
    parts = steerstack.split(data)
    vector = steerstack.extract(llama, parts.train, "mean-difference")
    plan = vector.at(1)
    scores = steerstack.score(llama, parts.test, [None, plan])
    choice = steerstack.choose(llama, parts.validation, vector, layers=[1], shares=[0.1])
    result = steerstack.evaluate(llama, parts.test, "text", plan)
    swept = steerstack.sweep(llama, parts.test, vector, [1], [0, 1.0], nulls=0)
    study = steerstack.Stack(data="myopia" * 60)
    shown = [llama, data, data.items[0], parts, vector, vector.origin, plan, plan.edits[0], vector.site(1), choice,
             result, result.effect, swept, study, scores[1], steerstack.Tokens("all"), steerstack.DataSet]  # fmt: skip
    for one in shown:
        assert "\n" not in repr(one)
        assert len(repr(one)) < 200, one
    for one in (llama, data, data.items[0], parts, vector, plan, plan.edits[0], result, swept):
        assert one._repr_html_().startswith("<")
    assert "<svg" in vector._repr_html_()
    assert swept._repr_html_().count("<svg") == 1  # with the verdict above it and the effects below
    assert str(steerstack.difference(scores[1], scores[0])) == str(result.effect)
    for wrong in (lambda: steerstack.difference(scores[0], [1.0]), lambda: steerstack.score("smollm2", data),
                  lambda: steerstack.extract(llama, parts, "pca"), lambda: steerstack.evaluate(llama, data, "text", vector),
                  lambda: vector.at(1, scale="strong")):  # fmt: skip
        with pytest.raises(steerstack.SteerstackError, match="do:"):
            wrong()
