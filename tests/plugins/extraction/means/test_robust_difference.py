"""The robust mean of differences: against the algorithm written out, and on pairs of which some are wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from tests.synthetic import LAYERS, Synthetic, planted

from steerstack_plugins.extraction.mean_difference import MeanDifference
from steerstack_plugins.extraction.means.robust_difference import RobustDifference, geometric_median


def cosine(one, other):
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


def corrupted(pairs, share, toward):
    """The pairs, the first of which differ along another direction than the behaviour's, and three times as far."""
    wrong = round(share * len(pairs))
    positive = pairs.positive.clone()
    positive[:wrong] = pairs.negative[:wrong] + 9.0 * toward
    return Synthetic(positive, pairs.negative)


def test_it_is_lee_and_valiant_s_estimate_written_out():
    pairs, _ = planted(40, 6, noise=1.0)
    directions = RobustDifference(trim=0.25).fit(pairs).directions
    for index, layer in enumerate(LAYERS):
        points = (pairs.positive - pairs.negative)[:, index].double().numpy()
        median = minimize(lambda at, of=points: sum(np.sqrt(((p - at) ** 2).sum()) for p in of), points.mean(0)).x
        by_distance = sorted(points, key=lambda point: np.sqrt(((point - median) ** 2).sum()))
        expected = sum(by_distance[:30]) / 30
        assert directions[layer].numpy() == pytest.approx(expected, abs=1e-5)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
def test_no_point_near_by_has_a_smaller_sum_of_distances_than_the_geometric_median(seed):
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(11, 3, generator=generator, dtype=torch.float64)
    median = geometric_median(points)
    others = median + 1e-3 * torch.randn(20, 3, generator=generator, dtype=torch.float64)
    least = (points - median).norm(dim=1).sum()
    assert all(float((points - other).norm(dim=1).sum()) >= float(least) - 1e-9 for other in others)


def test_pairs_of_another_direction_leave_it_where_it_was_and_draw_the_plain_mean_away():
    pairs, directions = planted(80, 16)
    away = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(1)))[0][0]
    given_wrong = corrupted(pairs, 0.2, away)
    robust, plain = (method.fit(given_wrong) for method in (RobustDifference(trim=0.25), MeanDifference()))
    for index, layer in enumerate(LAYERS):
        planted_one = torch.as_tensor(directions[index]).float()
        assert cosine(robust.directions[layer], planted_one) > 0.95
        assert cosine(plain[layer], planted_one) < 0.9


def test_flipped_labels_do_not_shorten_it():
    pairs, _ = planted(60, 16)
    flip = torch.arange(60) < 12
    positive = torch.where(flip[:, None, None], pairs.negative, pairs.positive)
    negative = torch.where(flip[:, None, None], pairs.positive, pairs.negative)
    method = RobustDifference(trim=0.25)
    clean, wrong = (method.fit(stream).directions for stream in (pairs, Synthetic(positive, negative)))
    plain = MeanDifference().fit(Synthetic(positive, negative))
    for layer in LAYERS:
        assert float(wrong[layer].norm() / clean[layer].norm()) == pytest.approx(1, abs=0.1)
        assert float(plain[layer].norm() / clean[layer].norm()) < 0.75


def test_without_a_trim_it_is_the_mean():
    pairs, _ = planted(30, 8)
    fit = RobustDifference(trim=0).fit(pairs)
    assert fit.record["left_out"] == 0
    for layer, direction in MeanDifference().fit(pairs).items():
        assert torch.allclose(fit.directions[layer], direction, atol=1e-5)
