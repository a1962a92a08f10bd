"""The contract of audit tests: a wrong one fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_audit_tests as wrong
from tests.core.testing.kit.failing import failing

from steerstack.contracts import Examination
from steerstack.testing import AuditTestContract, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model

BREAKS = {
    wrong.Right: set(),
    wrong.Unseeded: {"repeats"},
    wrong.ReadsNames: {"repeats"},
    wrong.InPlace: {"model_untouched"},
    wrong.NoNumber: {"outcome", "repeats"},
    wrong.CountsAnOptionTooMany: {"outcome"},
    wrong.NoJson: {"outcome"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_test_fails_the_check_that_it_breaks(cls, tmp_path):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    body = {"audit_test": cls(), "model": property(lambda _self: model)}
    assert failing(type("TestWrong", (AuditTestContract,), body), tmp_path) == BREAKS[cls]


def test_what_tests_share_is_made_once(llama):
    examination, calls = Examination(llama, None), []
    for _ in range(2):
        assert examination.once("plain", lambda: calls.append(1) or len(calls)) == 1
    assert examination.once("other", lambda: 7) == 7
