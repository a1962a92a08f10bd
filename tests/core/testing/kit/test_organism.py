"""The organism contract: a wrong organism fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_organisms as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import OrganismContract, tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model

BREAKS = {
    wrong.Right: set(),
    wrong.HidesNothing: {"hides_what_it_says"},
    wrong.HidesAll: {"leaves_the_control_domain"},
    wrong.Tells: {"model_tells_nothing"},
    wrong.Unseeded: {"repeats"},
    wrong.InPlace: {"original_untouched", "repeats"},
    wrong.Trainable: {"result_is_ready"},
    wrong.NoNumbers: {"record"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_organism_fails_the_check_that_it_breaks(cls, tmp_path):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    body = {"organism": cls(), "sandbags": True, "model": property(lambda _self: model)}
    assert failing(type("TestWrong", (OrganismContract,), body), tmp_path) == BREAKS[cls]


def test_an_honest_control_that_hides_is_told(tmp_path):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    body = {"organism": wrong.Right(), "sandbags": False, "model": property(lambda _self: model)}
    assert failing(type("TestWrong", (OrganismContract,), body), tmp_path) == {"hides_what_it_says"}
