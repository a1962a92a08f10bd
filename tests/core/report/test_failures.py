"""Where a vector fails: an effect is held against its sign, and a card says what was not measured."""

from steerstack.report.failures import NOTHING, OPEN, of_effect, section
from steerstack.stats.estimate import Estimate

GOOD, NONE, BAD = Estimate(0.3, 0.2, 0.4, 20), Estimate(0.1, -0.1, 0.3, 20), Estimate(-0.3, -0.4, -0.2, 20)


def test_an_effect_is_held_against_its_sign():
    assert of_effect("Alone", GOOD) == ""
    assert of_effect("Alone", BAD, -1) == ""
    assert "wrong way: -0.300" in of_effect("Alone", BAD)
    assert "wrong way: +0.300" in of_effect("Alone", GOOD, -1)
    assert "told apart from none" in of_effect("Alone", NONE)


def test_a_vector_without_fault_has_none_but_what_was_not_measured():
    assert section([]) == f"## Where it fails\n\n- {NOTHING}\n- {OPEN}"
    assert section(["one"]) == f"## Where it fails\n\n- one\n- {OPEN}"
