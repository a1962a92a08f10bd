"""Probes trained in one place and tested in another: AUROC against scikit-learn, activations against plain runs."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tests.plugins.sandbagging.audit.test_choices import ITEMS, chosen

from steerstack.contracts import PairBatch
from steerstack.data.prompts import Prompt
from steerstack_plugins.probes.lda import LDAProbe
from steerstack_plugins.probes.linear import MeanDifferenceProbe
from steerstack_plugins.sandbagging.audit.probe_transfer import (
    Sides,
    decision_activations,
    text_only,
    transcripts,
    transfer,
)

RIGHT, WRONG = chosen([True] * 40), chosen([False] * 40)


def sides(seed, *, shift=1.0, n=40):
    generator = torch.Generator().manual_seed(seed)
    negative = torch.randn(n, 2, 8, generator=generator)
    positive = torch.randn(n, 2, 8, generator=generator)
    positive[:, 1, 0] += shift
    return Sides(PairBatch(positive, negative), (transcripts(WRONG)[:n], transcripts(RIGHT)[:n]))


@pytest.mark.parametrize("probe", [MeanDifferenceProbe(), LDAProbe()])
def test_auroc_is_that_of_scikit_learn_at_the_layer_of_validation(probe):
    train, validation, test = sides(0), sides(1), sides(2)
    result = transfer(probe, "p", "t", train, validation, test, unrelated=torch.randn(50, 2, 8))
    assert result.layer == 1
    from steerstack_plugins.sandbagging.audit.probe_transfer import GivenPairs

    fitted = probe.fit(GivenPairs(train.activations, range(2)).only(1))
    scores = np.concatenate(
        [fitted.score(part[:, [1]]) for part in (test.activations.positive, test.activations.negative)]
    )
    assert result.auroc.value == pytest.approx(roc_auc_score([1] * 40 + [0] * 40, scores))
    assert result.recall is not None
    assert 0 <= result.recall <= 1


def test_words_that_tell_are_read_and_words_that_do_not_are_not():
    assert text_only(sides(0), sides(1)).value > 0.9
    same = sides(0)
    blind = Sides(same.activations, (same.texts[0], same.texts[0]))
    assert text_only(blind, blind).value == pytest.approx(0.5)


def test_activations_are_those_of_the_last_token_in_the_items_order(llama):
    items = (ITEMS[11], ITEMS[3], ITEMS[25])  # of different lengths
    activations = decision_activations(llama, items, system="Be right.")
    for row, item in enumerate(items):
        ids = llama.format.sequence(Prompt(item.listed(), "Be right.", "(")).ids
        with torch.no_grad():
            hidden = llama.module(torch.tensor([ids]), output_hidden_states=True).hidden_states
        assert torch.allclose(activations[row, 0], hidden[1][0, -1], atol=1e-4)
        assert torch.allclose(activations[row, 2], hidden[3][0, -1], atol=1e-4)
