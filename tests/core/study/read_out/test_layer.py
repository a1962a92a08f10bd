"""One layer: the outcome by the whole interval, the place among random erasures, and the words for both."""

import re

import numpy as np
import pytest

from steerstack.stats.estimate import Estimate
from steerstack.study.read_out.layer import LayerReadOut

READS = Estimate(0.95, 0.9, 1.0, 40)


def layer(added, *, erased=0.5, random=(0.1, -0.2, 0.3), read=READS, positions=None):
    n = len(added)
    where = np.linspace(-1, 1, n) if positions is None else positions
    return LayerReadOut.of(
        3, scale=2.0, read=read, positions=where, added=added, erased=np.full(n, erased) + np.linspace(-0.01, 0.01, n),
        random=[np.full(n, one) for one in random], groups=None, margin=0.1, family=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "spread", "n", "outcome"),
    [(0.5, 0.1, 40, "steers"), (-0.5, 0.1, 40, "steers the other way"), (0.01, 0.05, 40, "does not steer"),
     (0.1, 1.0, 40, "not resolved"), (0.5, 0.1, 6, "not resolved")],
)  # fmt: skip
def test_the_whole_interval_decides(mean, spread, n, outcome):
    values = np.random.default_rng(0).normal(0, spread, n)
    assert layer(mean + values - values.mean()).outcome == outcome


def test_an_erasure_has_its_place_among_random_ones_by_size():
    added = np.random.default_rng(0).normal(0.5, 0.1, 20)
    for erased, rank in ((0.5, 1), (-0.25, 2), (0.0, 4)):
        found = layer(added, erased=erased)
        assert found.rank == rank
        assert found.p == pytest.approx(rank / 4)
        assert f"place {rank} of 4 with random directions" in found.sentence


def test_a_sentence_says_both_and_how_they_go_together():
    rng = np.random.default_rng(1)
    where = rng.normal(size=40)
    found = layer(0.5 + 0.1 * where, positions=where)
    assert found.tracks.value == pytest.approx(1.0)
    assert f"reads the behaviour (AUROC {found.area}) and" in found.sentence
    assert re.fullmatch(r"0\.\d\d \[0\.\d\d, (0\.\d\d|1\.00)\]", found.area)  # a share has no sign
    assert "and steers (" in found.sentence
    silent = layer(rng.normal(0, 0.01, 40))
    assert "but does not steer (" in silent.sentence
    assert not layer(0.5 + where, read=Estimate(0.6, 0.4, 0.8, 40)).reads
    constant = layer(0.5 + 0.1 * where, positions=np.zeros(40))
    assert "one of the two does not vary" in constant.sentence
    assert constant.to_json()["tracks"]["value"] is None
