"""Techniques by name: extractors and baselines alike, and a misspelt one of either is suggested."""

import pytest

from steerstack.errors import PluginError
from steerstack.techniques.technique import Conditioning, Steering, technique


def test_a_name_stands_for_an_extractor_or_a_baseline():
    assert isinstance(technique("pca", layers=(1,)), Steering)
    conditioning = technique("lora-sft", {"epochs": 2}, layers=(1,))
    assert isinstance(conditioning, Conditioning)
    assert conditioning.baseline.parameters()["epochs"] == 2


@pytest.mark.parametrize(("name", "meant"), [("lora-sftt", "lora-sft"), ("logistik", "logistic")])
def test_a_misspelt_one_of_either_kind_is_suggested(name, meant):
    with pytest.raises(PluginError, match=f"did you mean '{meant}'"):
        technique(name)
