"""AUROC and its intervals against scikit-learn, plain formulas and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from steerstack.study.detection import auroc, delong, paired_auroc, recall_at

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
        found = delong(rng.normal(1, 1, 40), rng.normal(0, 1, 60))
        hits += found.ci_low <= truth <= found.ci_high
    assert 0.91 <= hits / 300 <= 0.98


def test_the_paired_interval_is_narrower_where_pairs_share_their_noise():
    rng = np.random.default_rng(1)
    shared = rng.normal(0, 2, 80)
    positive, negative = shared + rng.normal(0.5, 0.3, 80), shared + rng.normal(0, 0.3, 80)
    paired, independent = paired_auroc(positive, negative), delong(positive, negative)
    assert paired.value == pytest.approx(independent.value)
    assert paired.ci_high - paired.ci_low < 0.6 * (independent.ci_high - independent.ci_low)


def test_a_perfect_score_still_has_an_interval():
    found = paired_auroc([2.0, 3.0, 4.0, 5.0], [0.0, 1.0, 0.5, 0.2])
    assert (found.value, found.ci_high) == (1.0, 1.0)
    assert 0.3 < found.ci_low < 0.5
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
