"""The labeller contract: a wrong labeller fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_labellers as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import LabellerContract

BREAKS = {
    wrong.Right: set(),
    wrong.TooFew: {"one_number_an_item", "item_order"},
    wrong.NotANumber: {"one_number_an_item", "item_order", "repeats"},
    wrong.NeverWrong: {"one_number_an_item"},
    wrong.ByPlace: {"item_order"},
    wrong.Moody: {"repeats"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_labeller_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(type("TestWrong", (LabellerContract,), {"labeller": cls()}), tmp_path) == BREAKS[cls]
