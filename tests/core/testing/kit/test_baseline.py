"""The baseline contract: a wrong baseline fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_baselines as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import BaselineContract

BREAKS = {
    wrong.Right: set(),
    wrong.Unlearns: {"learns_the_behaviour"},
    wrong.Unseeded: {"repeats"},
    wrong.NoJson: {"record_is_json"},
    wrong.SharesWeights: {"original_untouched"},
    wrong.LeavesItLoose: {"result_is_ready"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_baseline_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(type("TestWrong", (BaselineContract,), {"baseline": cls()}), tmp_path) == BREAKS[cls]
