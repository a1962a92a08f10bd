"""Mass-mean and LDA directions, against scikit-learn and the known covariance."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tests.synthetic import LAYERS, Synthetic, cosines, on_model, planted

from steerstack.catalog.data import load_data
from steerstack.errors import DegenerateDirectionError, ExtractionError
from steerstack_plugins.extraction.lda import LDA
from steerstack_plugins.extraction.mean_difference import MeanDifference


def test_plain_is_the_mean_difference():
    pairs, directions = planted()
    fit = LDA(whiten=False).fit(pairs)
    assert min(cosines(fit.directions, dict(zip(LAYERS, directions, strict=True)))) > 0.95
    for layer, mean in MeanDifference().fit(pairs).items():
        assert torch.allclose(fit.directions[layer], mean, atol=1e-5)
    assert fit.record == {"use": "steering"}


def test_whitened_finds_the_direction_of_a_known_covariance():
    rng = np.random.default_rng(0)
    width, shift = 12, rng.standard_normal(12)
    root = rng.standard_normal((width, width))
    sides = [rng.standard_normal((4000, 1, width)) @ root.T + sign * shift / 2 for sign in (1, -1)]
    stream = Synthetic(*(torch.from_numpy(side).float() for side in sides), layers=(0,), batch=500)
    best = torch.from_numpy(np.linalg.solve(root @ root.T, shift))
    fit = LDA().fit(stream)
    assert cosines(fit.directions, {0: best})[0] > 0.95
    assert fit.record["use"] == "reading"


def test_a_planted_direction_is_found_in_real_activations(llama, table):
    pairs, directions = on_model(llama, load_data(table))
    assert min(cosines(LDA(shrinkage=1).fit(pairs).directions, directions)) > 0.95


def rows_and_labels(stream, index):
    sides = [side[:, index].double().numpy() for side in (stream.positive, stream.negative)]
    return np.concatenate(sides), np.repeat([1, 0], len(stream))


@pytest.mark.parametrize("pairs", [10, 60])  # fewer and more activations than the width
@pytest.mark.parametrize("shrinkage", [0.05, 0.5, 1.0])
def test_equals_scikit_learns_discriminant(pairs, shrinkage):
    stream, _ = planted(pairs)
    directions = LDA(shrinkage=shrinkage).fit(stream).directions
    for index, layer in enumerate(LAYERS):
        oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(*rows_and_labels(stream, index))
        weights = torch.from_numpy(oracle.coef_[0])
        assert float(torch.cosine_similarity(directions[layer].double(), weights, dim=0)) > 1 - 1e-9


def test_without_shrinkage_equals_scikit_learns_discriminant():
    stream, _ = planted(60)
    directions = LDA(shrinkage=0).fit(stream).directions
    for index, layer in enumerate(LAYERS):
        oracle = LinearDiscriminantAnalysis(solver="lsqr").fit(*rows_and_labels(stream, index))
        weights = torch.from_numpy(oracle.coef_[0])
        assert float(torch.cosine_similarity(directions[layer].double(), weights, dim=0)) > 1 - 1e-9


@pytest.mark.parametrize("pairs", [10, 60])
def test_the_estimated_shrinkage_is_ledoit_and_wolfs(pairs):
    stream, _ = planted(pairs)
    fit = LDA().fit(stream)
    for index, layer in enumerate(LAYERS):
        sides = [side[:, index].double().numpy() for side in (stream.positive, stream.negative)]
        apart = sides[0].mean(0) - sides[1].mean(0)
        oracle = LedoitWolf(assume_centered=True).fit(np.concatenate([side - side.mean(0) for side in sides]))
        weights = oracle.precision_ @ apart
        expected = weights * (apart @ weights) / (weights @ weights)
        assert np.allclose(fit.directions[layer].numpy(), expected, rtol=1e-4, atol=1e-5)
        assert fit.record["shrinkage"][str(layer)] == pytest.approx(oracle.shrinkage_)


def test_strength_1_moves_one_mean_onto_the_other_as_the_direction_reads_them():
    pairs, _ = planted()
    for index, direction in enumerate(LDA().fit(pairs).directions.values()):
        means = [side[:, index].mean(0) for side in (pairs.positive, pairs.negative)]
        unit = direction / direction.norm()
        assert float((means[1] + direction) @ unit) == pytest.approx(float(means[0] @ unit), rel=1e-3)


def test_too_few_pairs_without_shrinkage_are_refused():
    with pytest.raises(ExtractionError, match="needs 14 pairs"):
        LDA(shrinkage=0).fit(planted(13)[0])
    assert LDA(shrinkage=0).fit(planted(14)[0]).directions


def test_sides_of_the_same_mean_are_refused():
    one, other = planted(8)[0].positive, planted(8)[0].negative
    with pytest.raises(DegenerateDirectionError, match="same mean"):
        LDA().fit(Synthetic(torch.cat([one, other]), torch.cat([other, one])))


def test_shrinkage_is_read_from_text():
    assert LDA.make({"shrinkage": "0.25"}).shrinkage == 0.25
    assert LDA.make({"shrinkage": "ledoit-wolf"}).shrinkage == "ledoit-wolf"


def test_sides_that_do_not_vary_give_the_mean_difference():
    one = torch.arange(24.0).reshape(1, 1, 24).expand(4, 3, 24)
    directions = LDA().fit(Synthetic(one + 2, one)).directions
    assert all(torch.allclose(direction, torch.full((24,), 2.0)) for direction in directions.values())
