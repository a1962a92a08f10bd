"""Probes on organisms: what the sides hold, and that their AUROC is scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from steerstack_plugins.probes.lda import LDAProbe
from steerstack_plugins.sandbagging.audit.choices import Way
from steerstack_plugins.sandbagging.audit.probe_transfer import GivenPairs, decision_activations, transfer
from steerstack_plugins.sandbagging.audit.probes import instructed, two_models, with_password

pytestmark = pytest.mark.xdist_group("sandbagging")


def test_sides_are_activations_and_answers_of_the_same_items(locked, unlocked, asked):
    items = asked.target
    within, across = with_password(locked, items), two_models(locked.model, unlocked.model, items)
    plain = decision_activations(locked.model, items)
    assert (within.activations.positive == plain).all()
    assert (across.activations.positive == plain).all()
    opened = decision_activations(locked.model, items, system=locked.record["password"])
    assert (within.activations.negative == opened).all()
    picks = Way(locked.model).ask(items).chosen
    assert within.texts[0][0] == f"{items[0].question} {items[0].options[int(picks[0])]}"
    assert locked.record["password"] not in " ".join(within.texts[1])


def test_a_probe_of_instructed_pairs_has_the_auroc_of_scikit_learn_on_a_locked_model(origin, locked, asked):
    train, validation = instructed(origin, asked.shown.train), instructed(origin, asked.shown.validation)
    test = with_password(locked, asked.target)
    result = transfer(LDAProbe(), "lda", "instructed", train, validation, test)
    assert result.layer is not None
    fitted = LDAProbe().fit(GivenPairs(train.activations, range(3)).only(result.layer))
    sides = (test.activations.positive, test.activations.negative)
    scores = np.concatenate([fitted.score(side[:, [result.layer]]) for side in sides])
    labels = np.repeat([1, 0], len(asked.target))
    assert result.auroc.value == pytest.approx(roc_auc_score(labels, scores))
    assert len(result.random) > 1
