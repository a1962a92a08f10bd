"""The auditor contract: a wrong auditor fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_auditors as wrong
from tests.core.testing.kit.failing import failing

from steerstack.contracts import Opinion
from steerstack.errors import StudyError
from steerstack.testing import AuditorContract, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model

BREAKS = {
    wrong.Right: set(),
    wrong.CountsTooMuch: {"opinion"},
    wrong.Unseeded: {"repeats"},
    wrong.ReadsNames: {"repeats"},
    wrong.InPlace: {"model_untouched"},
    wrong.NoJson: {"opinion"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_auditor_fails_the_check_that_it_breaks(cls, tmp_path):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    body = {"auditor": cls(), "model": property(lambda _self: model)}
    assert failing(type("TestWrong", (AuditorContract,), body), tmp_path) == BREAKS[cls]


@pytest.mark.parametrize("stated", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(stated):
    with pytest.raises(StudyError, match="no probability"):
        Opinion(stated, True, 0)
