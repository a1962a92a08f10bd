"""PCA of differences: what it finds, and that two libraries' algorithms find the same."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA as SklearnPCA
from tests.synthetic import LAYERS, Synthetic, cosines, on_model, planted

from steerstack.catalog.data import load_data
from steerstack.errors import DegenerateDirectionError
from steerstack_plugins.extraction.pca import PCA


def test_a_planted_direction_is_found():
    pairs, directions = planted()
    assert min(cosines(PCA().fit(pairs).directions, dict(zip(LAYERS, directions, strict=True)))) > 0.98


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_a_planted_direction_is_found_in_real_activations(tiny, table, architecture):
    pairs, directions = on_model(tiny(architecture), load_data(table))
    assert min(cosines(PCA().fit(pairs).directions, directions)) > 0.95


def steering_vectors(positive, negative):
    """``pca_aggregator`` of steering-vectors 0.12.2: differences of both signs, not centred, by SVD."""
    deltas = positive - negative
    vector = torch.linalg.svd(torch.cat([deltas, -deltas]).T, full_matrices=False)[0][:, 0]
    return torch.sign((deltas @ vector).mean()) * vector


def repeng(positive, negative, method):
    """``read_representations`` of repeng 0.4.0, for one layer."""
    hidden = np.empty((2 * len(positive), positive.shape[1]))
    hidden[::2], hidden[1::2] = positive.numpy(), negative.numpy()
    if method == "pca_diff":
        train = hidden[::2] - hidden[1::2]
    else:
        centre = (hidden[::2] + hidden[1::2]) / 2
        train = hidden.copy()
        train[::2] -= centre
        train[1::2] -= centre
    direction = SklearnPCA(n_components=1).fit(train).components_[0]
    projected = hidden @ direction
    smaller, larger = np.mean(projected[::2] < projected[1::2]), np.mean(projected[::2] > projected[1::2])
    return torch.from_numpy(-direction if smaller > larger else direction)


@pytest.mark.parametrize("pairs", [12, 80])  # fewer and more than the width
def test_equals_the_libraries(pairs):
    # a weak shift, so that the mean's part in the component is not all there is
    stream, _ = planted(pairs, 24, shift=2.5, noise=1.0)
    directions, centred = (PCA(unit=True, centring=how).fit(stream).directions for how in ("none", "mean"))
    for index, layer in enumerate(LAYERS):
        sides = stream.positive[:, index].double(), stream.negative[:, index].double()
        assert torch.allclose(directions[layer].double(), steering_vectors(*sides), atol=1e-5)
        assert torch.allclose(directions[layer].double(), repeng(*sides, "pca_center"), atol=1e-5)
        # repeng votes on the sign, which may differ from the mean's where the mean was subtracted
        other = repeng(*sides, "pca_diff")
        assert abs(float(centred[layer].double() @ other)) == pytest.approx(1, abs=1e-6)


def test_centring_takes_the_signal_away():
    pairs, directions = planted(shift=6.0)
    expected = dict(zip(LAYERS, directions, strict=True))
    assert max(map(abs, cosines(PCA(centring="mean").fit(pairs).directions, expected))) < 0.7


def test_strength_1_is_the_distance_between_the_sides():
    pairs, _ = planted(shift=6.0, noise=0.1)
    for direction in PCA().fit(pairs).directions.values():
        assert float(direction.norm()) == pytest.approx(6.0, rel=0.05)


def test_unit_keeps_norm_1():
    for direction in PCA(unit=True).fit(planted()[0]).directions.values():
        assert float(direction.norm()) == pytest.approx(1.0, abs=1e-5)


def test_centring_of_differences_that_are_all_the_same_is_refused():
    base = planted(9)[0].positive
    shifted = base + torch.ones(base.shape[-1])
    with pytest.raises(DegenerateDirectionError, match="all the same"):
        PCA(centring="mean").fit(Synthetic(shifted.round(), base.round()))


def test_the_record_says_how_many_pairs_agree():
    assert PCA().fit(planted(noise=0.1)[0]).record["agreement"] == {"0": 1.0, "2": 1.0, "5": 1.0}
    # a difference between A and B that is larger than the behaviour, and balanced
    pairs, _ = planted(40, noise=0.1)
    letters = torch.where(torch.arange(40) % 2 == 0, 20.0, -20.0)
    pairs.positive[..., 0] += letters[:, None]
    assert PCA().fit(pairs).record["agreement"]["0"] == pytest.approx(0.5, abs=0.05)
