"""Which labels go wrong: the readiest, as many as the share, and no more than the labeller errs on."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.contracts import Labeller
from steerstack.errors import StudyError
from steerstack.run.ledger import Ledger
from steerstack.techniques.labels.mistakes import readiness_of, wrong
from steerstack.testing import planted_data, planted_model

READY = st.lists(st.sampled_from([-math.inf, 0.0, 1.0, 2.0]), min_size=1, max_size=30)


@given(ready=READY, share=st.floats(0, 1), seed=st.integers(0, 5))
def test_the_readiest_go_wrong_and_no_more_than_can(ready, share, seed):
    places = wrong(ready, share, seed=seed)
    can = sum(one > -math.inf for one in ready)
    assert len(places) == min(round(share * len(ready)), can)
    left = [ready[place] for place in range(len(ready)) if place not in places]
    assert all(ready[place] >= max(left, default=-math.inf) for place in places)


def test_of_equals_the_seed_draws():
    drawn = {tuple(sorted(wrong(np.zeros(20), 0.2, seed=seed))) for seed in range(5)}
    assert len(drawn) > 1
    assert wrong(np.zeros(20), 0.2, seed=3) == wrong(np.zeros(20), 0.2, seed=3)


class Odd(Labeller):
    """Says nothing of some items."""

    name = "odd"

    def readiness(self, data, model):
        return np.where(np.arange(len(data)) % 2 == 0, 1.0, -np.inf if self.name == "odd" else np.nan)


class Mute(Odd):
    """Says what is no number."""

    name = "mute"


def test_what_a_labeller_says_is_kept_and_read_back(tmp_path):
    data = planted_data(4)
    first = readiness_of(Odd(), data, planted_model(), Ledger(tmp_path))
    assert list(first.values()) == [1, -math.inf, 1, -math.inf]
    assert list(first) == [item.id for item in data]
    ledger = Ledger(tmp_path)
    assert readiness_of(Odd(), data, planted_model(), ledger) == first
    assert ledger.reused == 1
    with pytest.raises(StudyError, match="mute does not say how readily it errs"):
        readiness_of(Mute(), data, planted_model(), ledger)
