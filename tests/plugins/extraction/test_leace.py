"""LEACE: its guarantee, and the paper's formula written out."""

import numpy as np
import pytest
import torch
from scipy.linalg import pinvh, sqrtm
from sklearn.linear_model import LogisticRegression
from tests.synthetic import LAYERS, planted

from steerstack.catalog.data import load_data
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector, random_like
from steerstack.techniques.apply import apply
from steerstack.techniques.extract import extract
from steerstack_plugins.extraction.leace import LEACE
from steerstack_plugins.extraction.mean_difference import MeanDifference


def vector_of(stream, **parameters):
    fit = LEACE(**parameters).fit(stream)
    return SteeringVector(fit.directions, edit=fit.edit, parts=fit.parts)


def erased(vector, layer, rows, scale=1.0):
    (edit,) = apply(vector, layer, scale, tokens=Tokens("all"))
    return edit.edit(rows)


def paper(rows, labels):
    """Theorem 4.3: r(x) = x - W^+ P W (x - mu), W = Sigma^-1/2, P onto the column space of W Sigma_xz."""
    mean = rows.mean(0)
    centred, one_hot = rows - mean, np.eye(2)[labels]
    covariance = centred.T @ centred / len(rows)
    cross = centred.T @ (one_hot - one_hot.mean(0)) / len(rows)
    whitener = sqrtm(pinvh(covariance)).real
    whitened = whitener @ cross
    onto = whitened @ np.linalg.pinv(whitened, rcond=1e-8)
    return rows - centred @ (np.linalg.pinv(whitener, rcond=1e-8) @ onto @ whitener).T


@pytest.mark.parametrize("pairs", [60, 10])  # more and fewer activations than the width
def test_is_the_papers_formula(pairs):
    stream, _ = planted(pairs, shift=1.0)
    vector = vector_of(stream, shrinkage=0)
    for index, layer in enumerate(LAYERS):
        rows = torch.cat([stream.positive[:, index], stream.negative[:, index]])
        expected = paper(rows.double().numpy(), np.repeat([1, 0], pairs))
        assert np.allclose(erased(vector, layer, rows).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0, 1])
def test_no_linear_probe_does_better_than_chance_on_what_is_left(shrinkage):
    stream, _ = planted(150, shift=2.0)
    vector = vector_of(stream, shrinkage=shrinkage)
    labels = np.repeat([1, 0], 150)
    for index, layer in enumerate(LAYERS):
        rows = torch.cat([stream.positive[:, index], stream.negative[:, index]])
        before = LogisticRegression(C=1e6, max_iter=20000).fit(rows.numpy(), labels)
        assert before.score(rows.numpy(), labels) > 0.75
        left = erased(vector, layer, rows).double().numpy()
        means = left[labels == 1].mean(0), left[labels == 0].mean(0)
        assert np.abs(means[0] - means[1]).max() < 1e-4
        assert np.allclose(left.mean(0), rows.double().numpy().mean(0), atol=1e-4)  # the overall mean stays
        after = LogisticRegression(C=1e6, max_iter=20000).fit(left, labels)
        # with no difference of the means, the best linear classifier is a constant
        assert np.ptp(after.predict_proba(left)[:, 1]) < 1e-2
        assert 0.35 < after.score(left, labels) < 0.65


def test_changes_the_activations_less_than_orthogonal_ablation_about_the_mean():
    """The mean squared change in units of the covariance is the least (theorem 4.3)."""
    stream, _ = planted(150, shift=1.0)
    vector = vector_of(stream, shrinkage=0)
    for index, layer in enumerate(LAYERS):
        rows = torch.cat([stream.positive[:, index], stream.negative[:, index]]).double().numpy()
        mean, direction = rows.mean(0), vector[layer].double().numpy()
        oblique = rows - erased(vector, layer, torch.from_numpy(rows).float()).double().numpy()
        orthogonal = np.outer((rows - mean) @ direction / (direction @ direction), direction)
        assert (oblique**2).sum() < (orthogonal**2).sum()


def test_the_direction_is_the_mean_difference():
    stream, _ = planted()
    vector = vector_of(stream)
    for layer, mean in MeanDifference().fit(stream).items():
        assert torch.allclose(vector[layer], mean, atol=1e-5)
        assert float(vector.part("reader", layer) @ mean) == pytest.approx(1, abs=1e-4)


def test_half_a_strength_brings_the_sides_half_way_together():
    stream, _ = planted()
    vector = vector_of(stream)
    halves = [erased(vector, 0, side[:, 0], 0.5).mean(0) for side in (stream.positive, stream.negative)]
    assert torch.allclose(halves[0] - halves[1], vector[0] / 2, atol=1e-4)


def test_a_random_null_is_erased_orthogonally():
    stream, _ = planted()
    null = random_like(vector_of(stream), 3)
    left = erased(null, 0, stream.positive[:, 0])
    unit = null[0] / null[0].norm()
    assert torch.allclose(left @ unit, (null.part("mean", 0) @ unit).expand(len(left)), atol=1e-4)


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_a_vector_of_a_model_is_saved_with_its_parts(tiny, table, tmp_path, architecture):
    vector = extract(tiny(architecture), load_data(table), LEACE(), position="response")
    vector.save(tmp_path / "v.safetensors")
    loaded = SteeringVector.load(tmp_path / "v.safetensors")
    assert loaded.fingerprint == vector.fingerprint
    assert loaded.edit == "leace"
    assert len(apply(loaded, 2, 1.0)) == 1
