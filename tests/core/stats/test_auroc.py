"""AUROC and its intervals against scikit-learn, plain formulas and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score, roc_curve

from steerstack.stats.auroc import auroc, delong, paired_auroc, paired_resamples, recall_at

scores = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=30)


@given(scores, scores)
def test_auroc_is_the_share_of_pairs_in_order(positive, negative):
    wins = np.mean([(p > n) + 0.5 * (p == n) for p in positive for n in negative])
    assert auroc(positive, negative) == pytest.approx(wins)
    assert auroc(negative, positive) == pytest.approx(1 - wins)
    assert delong(positive, negative).value == pytest.approx(wins)


def test_delong_covers_the_truth():
    rng = np.random.default_rng(0)
    truth = 0.76024994  # of two normals one standard deviation apart: Phi(1 / sqrt 2)
    hits = 0
    for _ in range(300):
        area = delong(rng.normal(1, 1, 40), rng.normal(0, 1, 60))
        hits += area.ci_low <= truth <= area.ci_high
    assert 0.91 <= hits / 300 <= 0.98


def test_the_paired_interval_is_narrower_where_pairs_share_their_noise():
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 2, 80)
    positive, negative = shared + rng.normal(0.5, 0.3, 80), shared + rng.normal(0, 0.3, 80)
    paired, independent = paired_auroc(positive, negative), delong(positive, negative)
    assert paired.value == pytest.approx(independent.value)
    assert paired.ci_high - paired.ci_low < 0.6 * (independent.ci_high - independent.ci_low)


def test_each_draw_of_pairs_has_the_auroc_of_scikit_learn():
    rng = np.random.default_rng(3)
    positive, negative = rng.integers(0, 5, 20).astype(float), rng.integers(0, 4, 20).astype(float)
    drawn = rng.integers(20, size=(30, 20))
    plain = [roc_auc_score(np.repeat([1, 0], 20), np.concatenate([positive[row], negative[row]])) for row in drawn]
    assert paired_resamples(positive, negative, drawn, np.arange(20)) == pytest.approx(plain)


def test_the_paired_interval_is_that_of_scipys_bootstrap():
    rng = np.random.default_rng(4)
    positive, negative = rng.normal(1, 1, 40), rng.normal(0, 1, 40)
    area = paired_auroc(positive, negative)
    plain = stats.bootstrap(
        (positive, negative), auroc, paired=True, vectorized=False, method="percentile", n_resamples=1000, rng=rng
    ).confidence_interval
    assert (area.ci_low, area.ci_high) == pytest.approx((plain.low, plain.high), abs=0.02)


def test_delongs_interval_is_that_of_placement_values():
    """DeLong et al. (1988), as Sun and Xu (2014) compute it: by mid-ranks, with no table of pairs."""
    rng = np.random.default_rng(5)
    x, y = rng.integers(0, 9, 25).astype(float), rng.integers(0, 7, 31).astype(float)
    both, of_x, of_y = (stats.rankdata(part) for part in (np.concatenate([x, y]), x, y))
    value = (both[: len(x)].sum() / len(x) - (len(x) + 1) / 2) / len(y)
    of_positive, of_negative = (both[: len(x)] - of_x) / len(y), 1 - (both[len(x) :] - of_y) / len(x)
    spread = np.sqrt(np.var(of_positive, ddof=1) / len(x) + np.var(of_negative, ddof=1) / len(y))
    area = delong(x, y)
    assert area.value == pytest.approx(value)
    low, high = stats.norm.interval(0.95, value, spread)
    assert (area.ci_low, area.ci_high) == pytest.approx((max(0, low), min(1, high)))


def test_a_perfect_score_still_has_an_interval():
    area = paired_auroc([2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 0.5, 0.2])
    assert (area.value, area.ci_high) == (1.0, 1.0)
    assert 0.3 < area.ci_low < 0.5
    turned = paired_auroc([0.0, 1.0], [2.0, 3.0])
    assert (turned.value, turned.ci_low) == (0.0, 0.0)
    assert turned.ci_high > 0.5


def test_recall_at_a_false_positive_rate_is_on_the_curve():
    rng = np.random.default_rng(2)
    positive, negative = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    fpr, tpr, _ = roc_curve(
        np.repeat([1, 0], [300, 200]), np.concatenate([positive, negative]), drop_intermediate=False
    )
    assert recall_at(positive, negative, false_positives=0.01) == pytest.approx(tpr[fpr <= 0.01].max())
    assert auroc(positive, negative) == pytest.approx(
        roc_auc_score(np.repeat([1, 0], [300, 200]), np.concatenate([positive, negative]))
    )


def test_clusters_are_drawn_whole_and_widen_the_interval():
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(20), 6)
    shared = rng.normal(0, 1, 20)[groups]
    positive, negative = 0.5 + shared + rng.normal(0, 0.3, 120), rng.normal(0, 0.3, 120)
    plain, wide = (paired_auroc(positive, negative, groups=of) for of in (None, groups))
    assert (wide.value, wide.n, wide.clusters, plain.clusters) == (plain.value, 120, 20, None)
    assert wide.ci_high - wide.ci_low > 1.5 * (plain.ci_high - plain.ci_low)
    draws = []
    for _ in range(1000):
        pairs = np.concatenate([np.flatnonzero(groups == of) for of in rng.integers(20, size=20)])
        draws.append(auroc(positive[pairs], negative[pairs]))
    assert (wide.ci_low, wide.ci_high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.02)


def test_as_many_clusters_as_pairs_are_no_clusters():
    rng = np.random.default_rng(7)
    positive, negative = rng.normal(1, 1, 30), rng.normal(0, 1, 30)
    plain, own = (paired_auroc(positive, negative, groups=of) for of in (None, np.arange(30)))
    assert (own.ci_low, own.ci_high) == (plain.ci_low, plain.ci_high)


def test_few_clusters_bear_no_interval_and_a_perfect_score_counts_clusters():
    positive, negative = np.arange(2.0, 42.0), np.zeros(40)
    few = paired_auroc(positive, negative, groups=np.repeat([0, 1], 20))
    assert (few.ci_low, few.ci_high) == (0.0, 1.0)
    wide, plain = (paired_auroc(positive, negative, groups=of) for of in (np.repeat(np.arange(10), 4), None))
    assert wide.ci_low == pytest.approx(stats.binomtest(10, 10).proportion_ci(0.95).low)
    assert wide.ci_low < plain.ci_low
