"""Nested subsets: a larger one contains a smaller one, and the stated share of labels is flipped."""

from hypothesis import given, settings
from hypothesis import strategies as st

from steerstack.catalog.data import load_data
from steerstack.data.splits import split
from steerstack.techniques.labels.subsets import sizes, subset


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 50), small=st.integers(1, 8), more=st.integers(0, 8))
def test_a_larger_subset_contains_a_smaller_one(seed, small, more):
    data = load_data("myopia")
    parts = split(data.limit(60))
    one, other = (subset(parts, n, seed=seed) for n in (small, small + more))
    ids = [{item.id for item in (*s.train, *(s.validation or ()))} for s in (one, other)]
    assert ids[0] <= ids[1]
    assert len(ids[0]) == one.n == small
    assert (one.validation is None) == (small < 4)


def test_label_noise_flips_the_stated_share(table):
    parts = split(load_data(table, behavior="kindness"))
    clean, noisy = (subset(parts, 8, seed=0, noise=noise) for noise in (0.0, 0.25))
    sides = [{i.id: i.exhibits_text for i in (*s.train, *s.validation)} for s in (clean, noisy)]
    assert sum(sides[0][name] != sides[1][name] for name in sides[0]) == 2
    assert sizes(64) == (1, 2, 4, 8, 16, 32, 64)
