"""Myopia's check: high- and low-discount statements must move in opposite directions."""

import json

import numpy as np
import pytest
from tests.plugins.metrics.plain import everywhere, in_chat

from steerstack.errors import DataError, ParameterError
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.myopia import Myopia

SAID = ["I want it now", "I can wait", "Later is fine"]


@pytest.fixture
def personas(tmp_path):
    folder = tmp_path / "persona"
    folder.mkdir()
    for name, yes in (("high-discount-rate", (1, 0, 0)), ("low-discount-rate", (0, 1, 1))):
        rows = [{"question": text, "answer_matching_behavior": " Yes" if y else " No",
                 "answer_not_matching_behavior": " No" if y else " Yes"} for text, y in zip(SAID, yes, strict=True)]  # fmt: skip
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return {
        "high_discount": str(folder / "high-discount-rate.jsonl"),
        "low_discount": str(folder / "low-discount-rate.jsonl"),
    }


def yes_odds(model, plan):
    return np.array([sum(in_chat(model, t, "Yes", plan)) - sum(in_chat(model, t, "No", plan)) for t in SAID])


def test_movement_equals_its_definition_and_mirrored_sets_move_oppositely(llama, personas):
    plan = everywhere(llama)
    plain, steered = Myopia(limit=3, **personas).measure(llama, [Plan(), plan])
    change = yes_odds(llama, plan) - yes_odds(llama, Plan())
    high = float(np.mean(change * [1, -1, -1]))
    discounting = steered.about["discounting"]
    assert discounting["high"]["moved"]["value"] == pytest.approx(high, abs=1e-4)
    assert discounting["low"]["moved"]["value"] == pytest.approx(-high, abs=1e-4)
    assert discounting["opposite"] is True
    assert plain.about["discounting"]["high"]["moved"]["value"] == pytest.approx(0, abs=1e-5)
    assert plain.about["discounting"]["opposite"] is False
    json.dumps(dict(steered.about), allow_nan=False)


def test_sets_that_move_the_same_way_are_called_so(llama, personas, tmp_path):
    high = tmp_path / "persona" / "high-discount-rate.jsonl"
    low = tmp_path / "persona" / "low-discount-rate.jsonl"
    low.write_text(high.read_text())
    (arm,) = Myopia(limit=3, **personas).measure(llama, [everywhere(llama)])
    assert arm.about["discounting"]["opposite"] is False


def test_one_set_alone_or_a_wrong_one_is_refused(llama, personas):
    with pytest.raises(ParameterError, match="both sets"):
        Myopia(high_discount=personas["high_discount"]).measure(llama, [Plan()])
    turned = {"high_discount": personas["low_discount"], "low_discount": personas["high_discount"]}
    with pytest.raises(DataError, match="not a set of high-discount-rate"):
        Myopia(**turned).measure(llama, [Plan()])


def test_without_persona_sets_nothing_is_said_of_them(llama):
    (arm,) = Myopia(limit=1).measure(llama, [Plan()])
    assert "discounting" not in arm.about
