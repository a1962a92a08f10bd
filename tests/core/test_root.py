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
