"""The probe contract: a wrong probe fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_probes as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import ProbeContract

SIGNS = {"tells_the_planted_sides_apart", "sign_flips_when_the_classes_swap"}
BREAKS = {
    wrong.Right: set(),
    wrong.SignFlipped: SIGNS,
    wrong.KnowsTheAnswer: {"sign_flips_when_the_classes_swap"},
    wrong.OrderDependent: {"pair_order"},
    wrong.Unseeded: {"repeats"},
    wrong.Credulous: {"equal_sides_are_an_error"},
    wrong.Mutating: {"inputs_untouched"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_probe_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(type("TestWrong", (ProbeContract,), {"probe": cls()}), tmp_path) == BREAKS[cls]
