"""The metric contract: a wrong metric fails the very check that it breaks."""

import numpy as np
import pytest
from tests.core.testing.kit import wrong_metrics as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import MetricContract

BREAKS = {
    wrong.Right: set(),
    wrong.Renamed: {"headline"},
    wrong.NoMeaning: {"headline"},
    wrong.OtherItems: {"items_are_those_of_every_arm"},
    wrong.TooFew: {"items_are_those_of_every_arm"},
    wrong.NotANumber: {"finite"},
    wrong.Unseeded: {"repeats"},
    wrong.Neighbours: {"arms_are_independent"},
    wrong.Uncounted: {"edited_positions_are_counted"},
    wrong.NoJson: {"record_is_json"},
}
BESIDES = {"scale_zero_is_unsteered", "arms_are_independent"}  # what else a wrong arm or a random value breaks


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_metric_fails_the_check_that_it_breaks(cls, tmp_path):
    with np.errstate(all="ignore"):
        failed = failing(type("TestWrong", (MetricContract,), {"metric": cls()}), tmp_path)
    assert failed >= BREAKS[cls]
    assert failed <= BREAKS[cls] | (BESIDES if BREAKS[cls] else set())


def test_declared_nan_is_allowed(tmp_path):
    named = {"metric": wrong.NotANumber(), "may_be_nan": frozenset({"log_odds"})}
    with np.errstate(all="ignore"):
        assert failing(type("TestWrong", (MetricContract,), named), tmp_path) == set()
