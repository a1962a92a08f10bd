"""The order of the pairs by their content, and random halves."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.synthetic import planted

from steerstack.data.shuffle import half
from steerstack_plugins.extraction.common.sides import sides


@given(st.permutations(range(12)), st.integers(1, 12), st.booleans())
def test_the_order_depends_on_content_alone(order, batch, swap):
    stream, _ = planted(12, 6)
    expected, result = sides(stream), sides(stream.changed(order=torch.tensor(order), batch=batch, swap=swap))
    one, other = (result.negative, result.positive) if swap else (result.positive, result.negative)
    assert torch.equal(one, expected.positive)
    assert torch.equal(other, expected.negative)


@given(st.integers(0, 50), st.integers(0, 2**31))
def test_half_is_half(count, seed):
    assert int(half(count, seed).sum()) == count // 2
