"""The mean difference at many layers: which layers, how much at each, and all of them at once."""

import pytest
import torch
from tests.synthetic import LAYERS, planted

from steerstack.errors import ExtractionError
from steerstack.techniques.extract import extract
from steerstack.techniques.selection import Candidates
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.extraction.mean_difference import MeanDifference
from steerstack_plugins.extraction.means.multi_layer import MultiLayerDifference


def test_each_layer_has_its_mean_difference_over_the_number_of_layers():
    pairs, _ = planted(30, 8)
    directions = MultiLayerDifference(layers=LAYERS).fit(pairs).directions
    for layer, direction in MeanDifference().fit(pairs).items():
        assert torch.allclose(3 * directions[layer], direction, atol=1e-5)


def test_the_middle_layers_are_taken_unless_others_are_named():
    pairs, _ = planted(30, 8)
    assert set(MultiLayerDifference().fit(pairs).directions) == {2}  # of 0, 2 and 5
    with pytest.raises(ExtractionError, match="None of the layers"):
        MultiLayerDifference(layers=(1,)).fit(pairs)


def test_its_candidates_act_at_all_layers_at_once():
    method = MultiLayerDifference()
    vector = extract(planted_model(), planted_data(8), method)
    tried = Candidates().of(planted_model(), vector, method)
    assert [(one.layers, one.scale) for one in tried] == [((1, 2), scale) for scale in (0.5, 1.0, 2.0)]
