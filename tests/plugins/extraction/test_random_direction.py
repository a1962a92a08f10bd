"""The random direction."""

import pytest
import torch
from tests.synthetic import LAYERS, Synthetic, planted

from steerstack_plugins.extraction.mean_difference import MeanDifference
from steerstack_plugins.extraction.random_direction import RandomDirection


def test_has_the_norm_of_the_mean_difference():
    stream, _ = planted()
    for layer, mean in MeanDifference().fit(stream).items():
        assert float(RandomDirection().fit(stream)[layer].norm()) == pytest.approx(float(mean.norm()), rel=1e-5)


def test_depends_on_seed_and_layer_alone():
    one, other = (RandomDirection(seed=1).fit(planted(seed=seed)[0]) for seed in (0, 1))
    for layer in LAYERS:
        assert float(torch.cosine_similarity(one[layer], other[layer], dim=0)) == pytest.approx(1, abs=1e-6)
    stream, _ = planted()
    alone = Synthetic(stream.positive[:, 1:2], stream.negative[:, 1:2], layers=(LAYERS[1],))
    whole, single = RandomDirection().fit(stream), RandomDirection().fit(alone)
    assert torch.allclose(whole[LAYERS[1]], single[LAYERS[1]])


def test_seeds_and_layers_give_directions_at_random_angles():
    stream, _ = planted(20, 400)
    drawn = [direction for seed in range(10) for direction in RandomDirection(seed=seed).fit(stream).values()]
    rows = torch.nn.functional.normalize(torch.stack(drawn), dim=1)
    angles = (rows @ rows.T)[~torch.eye(len(rows), dtype=torch.bool)]
    assert abs(float(angles.mean())) < 0.02
    assert float(angles.std()) == pytest.approx(400**-0.5, rel=0.2)
