"""Numbers in sentences bear their sign, and never the sign of a zero."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steerstack.util.numbers import fixed, signed


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12, "+0.120"), (-0.12, "-0.120"), (0.0, "0.000"), (-0.0, "0.000"), (-0.0004, "0.000"), (0.0004, "0.000"),
     (-0.0006, "-0.001"), (math.inf, "+inf"), (-math.inf, "-inf"), (math.nan, "unknown")],
)  # fmt: skip
def test_a_number_is_written_with_its_sign(value, text):
    assert signed(value) == text


@given(st.floats(-10, 10), st.integers(0, 6))
def test_a_zero_never_has_a_sign(value, digits):
    text = signed(value, digits)
    assert float(text) == pytest.approx(value, abs=0.5 * 10.0**-digits + 1e-9)
    assert text[0] not in "+-" or float(text) != 0


def test_a_number_without_a_plus_has_no_signed_zero_either():
    assert [fixed(value) for value in (0.5, -0.5, -0.001, 0.004)] == ["0.50", "-0.50", "0.00", "0.00"]
