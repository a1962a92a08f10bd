"""The extractor contract: a wrong method fails the very check that it breaks, and no other."""

import pytest
import torch
from tests.core.testing.kit import wrong_extractors as wrong
from tests.core.testing.kit.failing import failing
from tests.core.testing.kit.wrong_heavy import Heavy

from steerstack.contracts import Extractor
from steerstack.testing import ExtractorContract, planted_model
from steerstack.trace.open import open_model
from steerstack.trace.trainable import clone

ALL = set(ExtractorContract.checks())
BREAKS = {
    wrong.Right: set(),
    wrong.SignFlipped: {"recovers_the_planted_direction"},
    wrong.Mutating: {"inputs_untouched"},
    wrong.NotANumber: ALL
    - {"source", "parameters", "light_import", "equal_sides_are_an_error", "directions_are_plain"},
    wrong.Inventive: {"equal_sides_are_an_error"},
    wrong.Silent: {"equal_sides_are_an_error"},
    wrong.OrderDependent: {"pair_order"},
    wrong.BatchDependent: {"batch_size"},
    wrong.Unseeded: {"repeats"},
    wrong.HalfPrecision: {"directions_are_plain"},
    wrong.NoPaper: {"source"},
    wrong.PaperNotNamed: {"source"},
    wrong.Undescribed: {"parameters"},
    wrong.OnlyLlama: {"architectures"},
    Heavy: {"light_import"},
}


def contract(method: Extractor, **more):
    return type(f"Test{type(method).__name__}", (ExtractorContract,), {"method": method, **more})


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_method_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(contract(cls()), tmp_path) == BREAKS[cls]


def test_a_sign_that_does_not_follow_the_sides(tmp_path):
    failed = failing(contract(wrong.Unsigned()), tmp_path)
    assert {"sign_flips_when_the_classes_swap"} <= failed
    assert failed <= {"sign_flips_when_the_classes_swap", "recovers_the_planted_direction"}


def test_a_parameter_that_is_not_recorded(tmp_path):
    assert failing(contract(wrong.Forgetful(rank=5)), tmp_path) == {"parameters"}


def test_a_method_that_changes_the_model(tmp_path):
    module = clone(planted_model())
    with torch.no_grad():
        module.get_output_embeddings().weight[0] += 1  # other weights, so that nobody else is given their activations
    own = open_model(module, tokenizer=planted_model().tokenizer)
    changing = contract(wrong.TrainsTheModel(), model=lambda self, architecture="llama": own)
    assert "inputs_untouched" in failing(changing, tmp_path)
    assert "inputs_untouched" not in failing(contract(wrong.Right()), tmp_path)


def test_an_exemption_with_a_reason_passes_and_is_recorded():
    one = contract(wrong.OrderDependent(), exempt={"pair_order": "the paper takes the first pair"})()
    records = []
    one.record = lambda *what: records.append(what)
    one.test_pair_order()
    one.test_exemptions_have_reasons()
    assert records == [("exempt", "pair_order: the paper takes the first pair")]


@pytest.mark.parametrize(
    ("exempt", "message"),
    [
        ({"pair_order": ""}, "gives no reason"),
        ({"pair_order": "  "}, "gives no reason"),
        ({"pairs_order": "it shuffles"}, "did you mean 'pair_order'"),
    ],
)
def test_an_exemption_without_a_reason_or_a_check_fails(exempt, message):
    with pytest.raises(AssertionError, match=message):
        contract(wrong.OrderDependent(), exempt=exempt)().test_exemptions_have_reasons()


def test_an_empty_reason_does_not_turn_the_check_off():
    with pytest.raises(AssertionError, match="the order of the pairs"):
        contract(wrong.OrderDependent(), exempt={"pair_order": " "})().test_pair_order()


@pytest.mark.parametrize("other", [None, lambda self: None])
def test_a_check_cannot_be_overridden_without_a_reason(other):
    with pytest.raises(AssertionError, match="overridden without a reason"):
        contract(wrong.OrderDependent(), test_pair_order=other)().test_exemptions_have_reasons()
    reasoned = contract(wrong.OrderDependent(), test_pair_order=other, exempt={"pair_order": "a check of its own"})
    reasoned().test_exemptions_have_reasons()


def test_messages_say_what_was_seen():
    with pytest.raises(AssertionError, match=r"seen: layer 0: -1\.000"):
        contract(wrong.SignFlipped())().test_recovers_the_planted_direction()
