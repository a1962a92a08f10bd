"""Choice and generation side by side, against counting by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steerstack.contracts import Measured
from steerstack.errors import StudyError
from steerstack.stats.agreement import Effects, side_by_side

effect = st.sampled_from([-1.5, -1.0, 0.0, 0.5, 1.0, math.nan])


@given(st.dictionaries(st.sampled_from("abcdefgh"), effect), st.dictionaries(st.sampled_from("abcdefgh"), effect))
@settings(max_examples=60, deadline=None)
def test_shares_are_those_counted_by_hand(left, right):
    one, two = (Effects(tuple(side), np.array([*side.values()], dtype=float)) for side in (left, right))
    pairs = [(left[k], right[k]) for k in left if k in right and not math.isnan(left[k] + right[k])]
    if not pairs:
        with pytest.raises(StudyError, match="share no item"):
            side_by_side(one, two)
        return
    comparison, n = side_by_side(one, two), len(pairs)
    assert comparison.n == n
    assert comparison.left_out == len({*left, *right}) - n
    assert comparison.same_sign == sum(a * b > 0 for a, b in pairs) / n
    assert comparison.opposite_sign == sum(a * b < 0 for a, b in pairs) / n == len(comparison.disagree) / n
    assert comparison.both_zero == sum(a == b == 0 for a, b in pairs) / n
    assert (
        comparison.same_sign + comparison.opposite_sign + comparison.one_is_zero + comparison.both_zero
        == pytest.approx(1)
    )
    signed = [a * b > 0 for a, b in pairs if a * b != 0]
    assert comparison.sign_agreement.n == len(signed)
    if signed:
        assert comparison.sign_agreement.value == pytest.approx(sum(signed) / len(signed))
    mirrored = side_by_side(one, Effects(two.ids, -two.values))
    assert (mirrored.same_sign, mirrored.opposite_sign) == (comparison.opposite_sign, comparison.same_sign)


def test_a_disagreement_of_means_is_named():
    ids = tuple(map(str, range(20)))
    up = Effects(ids, np.linspace(0.5, 1, 20))
    down = Effects(ids, -np.linspace(0.5, 1, 20))
    assert side_by_side(up, down).means_disagree
    assert side_by_side(up, down).rank_correlation == pytest.approx(-1)
    assert not side_by_side(up, up).means_disagree
    flat = side_by_side(up, Effects(ids, np.zeros(20)))
    assert not flat.means_disagree
    assert flat.one_is_zero == 1
    assert flat.to_json()["rank_correlation"] is None
    assert side_by_side(up, up, noise=2).one_is_zero == 1


def test_effects_of_measured_arms():
    after, before = (Measured(("a", "b"), {"right": np.array(v, dtype=float)}) for v in ([1, 0], [0, math.nan]))
    effects = Effects.of(after, before, "right", sign=-1)
    np.testing.assert_array_equal(effects.values, [-1, math.nan])
    with pytest.raises(StudyError, match="no value 'wrong'"):
        Effects.of(after, before, "wrong")
    with pytest.raises(StudyError, match="different items"):
        Effects.of(after, Measured(("a",), {"right": np.zeros(1)}), "right")
