"""How two techniques combine: the right word where it can be known, and seldom a wrong one."""

from collections import Counter

import numpy as np
import pytest

from steerstack.errors import StudyError
from steerstack.stats import additivity
from steerstack.stats.combination import at_limit

TRIALS = 150


def arms(rng, n, first, second, kept, noise=0.15):
    """Items of their own level and their own effect of the first; it keeps a share on top of the second."""
    level, mine = rng.normal(size=n), first * (1 + 0.2 * rng.normal(size=n))
    parts = (level, level + mine, level + second, level + second + kept * mine)
    return [part + noise * rng.normal(size=n) for part in parts]


def verdicts(n, first, second, kept, noise=0.15):
    rng = np.random.default_rng([n, int(100 * (kept + 1))])
    return Counter(additivity(*arms(rng, n, first, second, kept, noise)).verdict for _ in range(TRIALS))


@pytest.mark.parametrize(
    ("effects", "verdict"),
    [
        ((1, 2, 1), "adds up"),
        ((-1, -2, 1), "adds up"),
        ((1, 2, 1.5), "reinforces"),
        ((-1, -2, 1.5), "reinforces"),
        ((1, 2, 0.5), "partly redundant"),
        ((1, 2, 0.05), "redundant"),
        ((1, 2, -1), "interferes"),
        ((2, 1, 0.2), "interferes"),  # both fall short of the first alone
        ((1, -2, 1), "oppose each other"),
        ((0, 2, 1), "only the second works alone"),
        ((1, 0, 1), "only the first works alone"),
        ((0, 0, 1), "neither works alone"),
    ],
)
def test_the_right_word(effects, verdict):
    shares = verdicts(60, *effects)
    assert shares[verdict] >= 0.8 * TRIALS, shares


@pytest.mark.parametrize("n", [16, 40])
def test_a_loss_of_the_margin_seldom_passes_for_none(n):
    assert verdicts(n, 1, 1, 0.75)["adds up"] <= 0.05 * TRIALS
    assert verdicts(n, 1, 1, 0.6)["redundant"] <= 0.05 * TRIALS
    assert verdicts(n, 1, 1, 0.6, noise=0.8)["redundant"] <= 0.05 * TRIALS


def test_what_is_not_resolved_says_how_many_items_would_do():
    rng = np.random.default_rng(0)
    result = additivity(*arms(rng, 30, 1, 1, 0.9, noise=0.6))
    assert result.verdict == "not resolved"
    assert result.needed > 30
    enough = [additivity(*arms(rng, result.needed, 1, 1, 0.9, noise=0.6)).verdict for _ in range(20)]
    assert enough.count("not resolved") <= 12
    assert additivity(*arms(rng, 7, 1, 1, 1, noise=0.01)).verdict == "not resolved"


def test_retained_is_the_share_that_is_kept_and_its_interval_covers():
    rng = np.random.default_rng(1)
    ratios = [additivity(*arms(rng, 40, 1, 1, 0.6, noise=0.3)).retained for _ in range(TRIALS)]
    assert np.mean([e.value for e in ratios]) == pytest.approx(0.6, abs=0.03)
    assert np.mean([e.ci_low <= 0.6 <= e.ci_high for e in ratios]) >= 0.9


def test_of_no_effect_no_share_is_known():
    rng = np.random.default_rng(2)
    retained = additivity(*arms(rng, 40, 0, 1, 1, noise=0.5)).retained
    assert (retained.to_json()["ci_low"], retained.to_json()["ci_high"]) == (None, None)


def test_identical_items_are_not_certainty():
    zero = np.zeros(20)
    retained = additivity(zero, zero + 1, zero + 1, zero + 2).retained
    assert retained.value == 1
    assert retained.ci_low < 0.95


def test_clusters_widen_what_is_kept():
    rng, groups = np.random.default_rng(3), np.repeat(np.arange(10), 6)
    parts = arms(rng, 60, 1, 1, 1)
    parts[3] = parts[3] + 0.5 * rng.normal(size=10)[groups]
    plain, clustered = additivity(*parts), additivity(*parts, groups=groups)
    assert clustered.retained.ci_high - clustered.retained.ci_low > plain.retained.ci_high - plain.retained.ci_low
    assert clustered.retained.clusters == 10


def test_the_margin_is_what_was_declared():
    parts = arms(np.random.default_rng(4), 100, 1, 1, 0.7)
    assert additivity(*parts).verdict == "partly redundant"
    assert additivity(*parts, margin=0.5).verdict == "adds up"
    with pytest.raises(StudyError, match="margin"):
        additivity(*parts, margin=1.5)
    with pytest.raises(StudyError, match="same items"):
        additivity(*parts[:3], parts[3][:5])


def test_ceilings_are_flagged():
    assert at_limit(0.5, 0.97)
    assert at_limit(0.01)
    assert not at_limit(0.5, 0.9)
