"""The supervision gap recovered: a ratio of means over the same items."""

import numpy as np
import pytest

from steerstack.study.generalize.result import ratio


def test_the_gap_recovered_is_the_ratio_of_means_and_needs_something_to_recover():
    rng = np.random.default_rng(0)
    within = rng.normal(0.5, 0.1, 40)
    found = ratio(within * 0.6, within)
    assert found.value == pytest.approx(0.6)
    assert found.ci_low == pytest.approx(0.6)  # the same items in both
    assert ratio(within, rng.normal(0, 1, 40)) is None
