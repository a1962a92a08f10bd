"""Logistic-regression direction, against scikit-learn's own pipeline and the optimality condition."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.synthetic import LAYERS, cosines, planted

from steerstack_plugins.extraction.logistic import Logistic


def test_a_planted_direction_is_found_in_noise_without_a_preferred_axis():
    pairs, directions = planted(400, 16, shift=2.0, spread=0.2, noise=1.0)
    assert min(cosines(Logistic().fit(pairs).directions, dict(zip(LAYERS, directions, strict=True)))) > 0.95


def test_has_the_gradient_of_scikit_learns_logit():
    pairs, _ = planted(40, shift=1.0)
    fit = Logistic(l2=2.0).fit(pairs)
    for index, layer in enumerate(LAYERS):
        rows = torch.cat([pairs.positive[:, index], pairs.negative[:, index]]).double().numpy()
        labels = np.repeat([1, 0], 40)
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=5000, tol=1e-8)).fit(rows, labels)
        steps = np.eye(rows.shape[1])
        gradient = probe.decision_function(steps) - probe.decision_function(np.zeros_like(steps))
        direction = fit.directions[layer].double().numpy()
        assert direction @ gradient / np.linalg.norm(direction) / np.linalg.norm(gradient) > 1 - 1e-6
        assert fit.record["training_accuracy"][str(layer)] == probe.score(rows, labels)


def test_solves_the_problem_that_the_paper_states():
    """At the minimum of the summed loss plus l2/2 |w|^2 its gradient is zero: w = X^T (y - p) / l2."""
    pairs, _ = planted(40, shift=1.0)
    direction = Logistic(l2=10.0).fit(pairs).directions[0].double().numpy()
    rows = torch.cat([pairs.positive[:, 0], pairs.negative[:, 0]]).double().numpy()
    labels = np.repeat([1.0, 0.0], 40)
    scaled = (rows - rows.mean(0)) / rows.std(0)
    weights = direction * rows.std(0)  # up to a factor, found below by the condition itself
    unit = weights / np.linalg.norm(weights)

    def gap(length):
        # the sides are equally many and the rows centred, but the intercept need not be 0
        intercept = _intercept(scaled @ (length * unit), labels)
        residual = labels - 1 / (1 + np.exp(-(scaled @ (length * unit)) - intercept))
        return np.linalg.norm(10 * length * unit - scaled.T @ residual)

    assert min(gap(length) for length in np.linspace(0.01, 3, 600)) < 0.05


def _intercept(logits, labels):
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-logits - middle))).sum() < labels.sum() else (low, middle)
    return low


def test_strength_1_moves_one_mean_onto_the_other_as_the_probe_sees_them():
    pairs, _ = planted()
    for index, direction in enumerate(Logistic().fit(pairs).directions.values()):
        means = [side[:, index].mean(0) for side in (pairs.positive, pairs.negative)]
        unit = direction / direction.norm()
        assert float((means[1] + direction) @ unit) == pytest.approx(float(means[0] @ unit), rel=1e-3)


def test_a_feature_that_never_changes_does_no_harm():
    pairs, _ = planted()
    pairs.positive[..., 3] = pairs.negative[..., 3] = 7.0
    for direction in Logistic().fit(pairs).directions.values():
        assert bool(direction.isfinite().all())
        assert float(direction[3]) == 0
