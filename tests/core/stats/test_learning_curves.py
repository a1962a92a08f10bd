"""Learning curves against plain means, the cover of their bands, and where two of them cross."""

import numpy as np
import pytest

from steerstack.stats.learning_curves import crossing, curve


def test_a_curve_is_the_mean_over_seeds_and_items_with_a_band():
    rng = np.random.default_rng(0)
    effects = rng.normal([[[0.1]], [[0.3]]], 0.2, size=(2, 5, 40))
    found = curve((4, 16), effects)
    assert [p.value for p in found.points] == pytest.approx(effects.mean((1, 2)))
    assert all(p.ci_low < p.value < p.ci_high for p in found.points)
    assert found.area.value == pytest.approx(effects.mean())  # two sizes: the trapezium is the mean


def test_the_band_covers_the_truth_over_seeds_and_items():
    hits = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        seeds, items = rng.normal(0, 0.1, (5, 1)), rng.normal(0, 0.3, (1, 50))
        point = curve((4,), (0.2 + seeds + items + rng.normal(0, 0.1, (5, 50)))[None]).points[0]
        hits += point.ci_low <= 0.2 <= point.ci_high
    assert hits >= 48  # five seeds are few: the band is a little narrow


def test_the_crossing_is_found_between_sizes():
    flat = np.full((3, 2, 10), 0.2)
    rising = np.broadcast_to(np.array([0.1, 0.15, 0.4])[:, None, None], (3, 2, 10)).copy()
    found = crossing((4, 16, 64), flat, rising)
    assert 16 < found["n"] < 64
    assert found["share_crossing"] == 1
    assert crossing((4, 16, 64), rising, flat)["n"] is None  # flat ends below
