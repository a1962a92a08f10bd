"""Learning curves against plain means, the cover of their bands, and where two of them cross."""

import math
from collections import Counter

import numpy as np
import pytest

from steerstack.errors import StudyError
from steerstack.stats import crossing
from steerstack.stats.learning_curves import curve, two_way, two_way_p

SIZES = (4, 16, 64)


def test_a_curve_is_the_mean_over_seeds_and_items_with_a_band():
    rng = np.random.default_rng(0)
    effects = rng.normal([[0.1], [0.3]], 0.2, size=(5, 2, 40))
    learning_curve = curve((4, 16), effects)
    assert [p.value for p in learning_curve.points] == pytest.approx(effects.mean((0, 2)))
    assert all(p.ci_low < p.value < p.ci_high for p in learning_curve.points)
    assert learning_curve.area.value == pytest.approx(effects.mean())  # two sizes: the trapezium is the mean


@pytest.mark.parametrize("seeds", [3, 10])
def test_the_band_covers_the_truth_for_new_seeds_and_items(seeds):
    rng = np.random.default_rng(seeds)
    hits = 0
    for _ in range(300):
        of_seeds, of_items = rng.normal(0, 0.1, (seeds, 1)), rng.normal(0, 0.3, (1, 50))
        point = two_way(0.2 + of_seeds + of_items + rng.normal(0, 0.1, (seeds, 50)))
        hits += point.ci_low <= 0.2 <= point.ci_high
    assert hits >= 0.92 * 300


def test_one_seed_says_nothing_of_others_and_the_same_values_are_not_certainty():
    assert two_way(np.random.default_rng(0).normal(size=(1, 50))).ci_low == -math.inf
    same = two_way(np.full((10, 30), 0.4))
    assert same.ci_low < 0.4 < same.ci_high


def test_items_of_one_cluster_vary_together():
    rng, groups = np.random.default_rng(0), np.repeat(np.arange(6), 8)
    values = rng.normal(size=6)[groups] + 0.1 * rng.normal(size=(10, 48))
    plain, clustered = two_way(values), two_way(values, groups=groups)
    assert clustered.ci_high - clustered.ci_low > 2 * (plain.ci_high - plain.ci_low)


def effects(rng, means, seeds=10, items=30):
    """Effects [seed, size, item]: items differ, and so do seeds."""
    of_items, of_seeds = 0.3 * rng.normal(size=(1, 1, items)), 0.1 * rng.normal(size=(seeds, len(means), 1))
    return np.array(means)[None, :, None] + of_items + of_seeds + 0.2 * rng.normal(size=(seeds, len(means), items))


def verdicts(first, second, **of):
    rng = np.random.default_rng(0)
    return Counter(crossing(effects(rng, first, **of), effects(rng, second, **of), SIZES).verdict for _ in range(100))


def test_identical_curves_are_not_told_apart():
    assert verdicts((0.2, 0.3, 0.4), (0.2, 0.3, 0.4))["not resolved"] >= 93


def test_what_is_so_is_found():
    assert verdicts((0.4, 0.4, 0.4), (0, 0.2, 0.8))["crosses"] >= 80
    assert verdicts((0.8, 0.9, 1.0), (0, 0.2, 0.4))["first is better"] >= 80
    assert verdicts((0, 0.2, 0.4), (0.8, 0.9, 1.0))["second is better"] >= 80
    assert verdicts((0.8, 0.9, 1.0), (0, 0.2, 0.4), seeds=9)["not resolved"] == 100


def test_the_crossing_is_found_between_sizes():
    rng = np.random.default_rng(1)
    flat, rising = effects(rng, (0.4, 0.4, 0.4)), effects(rng, (0, 0.2, 0.8))
    for result in (crossing(flat, rising, SIZES), crossing(rising, flat, SIZES)):
        assert result.verdict == "crosses"
        assert 16 < result.at < 64
        assert result.ci_low < result.at < result.ci_high
    assert crossing(flat, flat - 2, SIZES).at is None


def test_what_does_not_fit_is_refused():
    with pytest.raises(StudyError, match="seed, size, item"):
        crossing(np.zeros((10, 3, 5)), np.zeros((10, 3, 5)), (4, 16))
    with pytest.raises(StudyError, match="ascending"):
        crossing(np.zeros((10, 3, 5)), np.zeros((10, 3, 5)), (4, 64, 16))


def test_the_p_of_a_mean_over_seeds_and_items_is_that_at_which_its_interval_ends_at_zero():
    values = np.random.default_rng(4).normal(0.2, 0.5, (6, 30))
    p = two_way_p(values)
    end = two_way(values, level=1 - p)
    assert end.ci_low == pytest.approx(0, abs=1e-9)
    assert two_way_p(-values) == pytest.approx(p)
    assert two_way_p(values, groups=np.arange(30) // 3) != p
    assert two_way_p(np.zeros((4, 9))) == 1
    assert two_way_p(values[:1]) == 1  # one seed says nothing of others
