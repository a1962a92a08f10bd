"""A random direction through the whole selection: the null takes the same path as the vector, and p is its rank."""

import numpy as np
import pytest

from steerstack import Stack
from steerstack.steering.vector import random_like
from steerstack.study.null_test import NEEDED
from steerstack.study.session import open_session
from steerstack.study.stack.choice import choose_strengths
from steerstack.techniques.selection import CRITERION, FEW, Candidates
from steerstack.testing.planted import planted_data
from steerstack_plugins.extraction.random_direction import RandomDirection

LAYERS, SHARES = (1, 2), (0.1, 0.3)
STUDY = Stack(
    data="agreeing", method=RandomDirection(seed=5), layers=LAYERS, shares=SHARES, score="yes-no", form="A", nulls=3,
    neighbors=0, finetunes=(), few_shot=None,
)  # fmt: skip


@pytest.fixture
def session(llama, tmp_path):
    with open_session(
        STUDY, llama, planted_data(), folder=tmp_path, fresh=False, engine="local", workers=None, progress=None
    ) as opened:
        yield opened


def test_a_direction_finds_the_same_as_the_vector_and_as_one_of_many_nulls(session):
    method = RandomDirection(seed=5)
    vector = session.extract(method).keeping(LAYERS)
    candidates = Candidates(LAYERS, SHARES)
    alone = choose_strengths(session, {"vector": vector}, method, candidates)["vector"]
    others = {f"random {place}": random_like(vector, place) for place in range(3)}
    among = choose_strengths(session, {**others, "it": vector}, method, candidates, called=" of nulls")
    mine = among["it"]
    assert (mine.candidate, mine.rule, mine.within_budget) == (alone.candidate, alone.rule, alone.within_budget)
    for one, other in zip(alone.tried, mine.tried, strict=True):
        assert one.candidate == other.candidate
        for part in ("log_odds", "promise", "kl"):  # measured on the same items, by the same criterion
            assert getattr(one, part) == (getattr(other, part) and pytest.approx(getattr(other, part), abs=1e-5))
    for null in among.values():
        measured = [one.log_odds for one in null.tried if one.log_odds is not None]
        assert len(null.tried) == len(LAYERS) * len(SHARES) > len(measured) >= FEW
        assert null.to_json()["criterion"] == CRITERION


def test_its_p_is_its_rank_among_the_nulls_of_each_family(llama, tmp_path):
    result = STUDY.run(llama, data=planted_data(32), folder=tmp_path)
    bare = result.nulls.here(result.bare).log_odds
    for family in NEEDED:
        sizes = [abs(np.mean(n.values.log_odds - bare)) for n in result.nulls.nulls if n.family == family]
        larger = sum(size >= abs(result.null_test.effect) for size in sizes)
        assert result.null_test.p[family] == (1 + larger) / (len(sizes) + 1)
    assert not result.null_test.claims
    assert not any(word in result.verdict for word in ("raises", "lowers"))
