"""Gates on a model with a planted direction: what is kept under each prompt, and what is frozen."""

import pytest

from steerstack.study.gates.conditions import TURNS
from steerstack.study.gates.study import Gates
from steerstack.testing import planted_data, planted_model

NAMES = ["control", "utility", "role", "system prompt", "wording", "long context", "earlier turns"]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    study = Gates(data="planted", layers=(2,), shares=(0.2,), context=1, kl=1e-6, score="yes-no")
    return study.run(planted_model(), data=planted_data(40), folder=tmp_path_factory.mktemp("gates"))


def test_a_planted_vector_controls_and_a_margin_of_nothing_is_not_kept(result):
    outcomes = {gate.name: gate.outcome for gate in result.gates}
    assert list(outcomes) == NAMES
    assert outcomes["control"] == "passes"
    assert outcomes["utility"] == "fails"
    assert result.verdict.startswith("The vector fails at utility")
    assert [item["id"] for item in result.samples["items"]] == [item.id for item in result.tested["plain"].items[:3]]
    assert "What the model says" in [table.title for table in result.page().tables]
    assert result.samples["rule"] in result.card


def test_each_share_is_that_of_the_frame_at_one_strength(result):
    frame = result.frame()
    moved = {
        name: (of[of.arm == "steered"].log_odds.mean() - of[of.arm == "bare"].log_odds.mean())
        for name, of in frame.groupby("step")
    }
    for gate in result.gates[2:]:
        assert gate.estimate.value == pytest.approx(moved[gate.name] / moved["plain"])
    plans = {request.arms[1].plan.fingerprint for request, _ in result.scored.values()}
    assert plans == {result.claims.arms[0].plan().fingerprint}


def test_conditions_change_the_prompt_and_nothing_else(result):
    items = {name: request.data.items[0] for name, (request, _) in result.scored.items()}
    plain = items["plain"]
    assert items["role"].system == result.study.role
    assert items["wording"].question.endswith(f"\n\n{plain.question}")
    assert len(items["long context"].question) > len(plain.question) + 100
    assert {item.options for item in items.values()} == {plain.options}
    assert [bool(request.arms[0].shots) for request, _ in result.scored.values()] == [False] * 5 + [True]
    assert result.scored["earlier turns"][0].arms[1].shots == TURNS
