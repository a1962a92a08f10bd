"""The edit contract: a wrong edit fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_edits as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import EditContract

BREAKS = {
    wrong.Right: set(),
    wrong.MutatesActivations: {"inputs_untouched"},
    wrong.MutatesTheVector: {"inputs_untouched"},
    wrong.ChangesDtype: {"shape_and_dtype_kept"},
    wrong.LooksAtTheBatch: {"position_by_position", "equals_the_naive_run"},
    wrong.DividesByZero: {"finite_on_zero"},
    wrong.IgnoresTheScale: {"fingerprint_tells_scales_apart"},
    wrong.DoesNothing: {"scale_zero_is_the_identity", "fingerprint_tells_scales_apart"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_edit_fails_the_check_that_it_breaks(cls, tmp_path):
    contract = type("TestWrong", (EditContract,), {"edit": cls()})
    failed = failing(contract, tmp_path)
    assert failed >= BREAKS[cls]
    assert failed <= BREAKS[cls] | ({"position_by_position", "equals_the_naive_run"} if BREAKS[cls] else set())
