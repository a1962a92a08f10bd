"""Evaluation: per-item values, both orders, competence, contract form."""

import json
import math

import numpy as np
import pytest
import torch

from steerstack.catalog.data import load_data
from steerstack.data.questions import ask
from steerstack.data.words import word_guesses
from steerstack.measure.competence import judge
from steerstack.measure.evaluate import evaluate
from steerstack.measure.scoring import ArmScores, ItemScore, OneOrder
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Plan
from steerstack.steering.site import Site
from steerstack.testing.models import WIDTH
from steerstack.testing.naive import naive_score

PLAN = Plan((Add(Site("resid_post", 1), torch.ones(WIDTH), 0.5),))


@pytest.mark.parametrize("mode", ["letter", "yes-no", "text"])
def test_items_equal_an_independent_scorer(llama, table, mode):
    data = load_data(table).limit(6)
    evaluation = evaluate(llama, data, mode, PLAN)
    result = evaluation.to_json()
    json.dumps(result, allow_nan=False)
    by_item: dict[str, list[float]] = {}
    for question in ask(evaluation.model.format, data, mode):
        pair = [sum(naive_score(llama, sequence, PLAN)) for sequence in question.pair]
        by_item.setdefault(question.item.id, []).append(pair[0] - pair[1])
    for item in result["items"]:
        assert item["log_odds"] == pytest.approx(np.mean(by_item[item["id"]]), abs=1e-4)
        assert item["log_odds"] == pytest.approx(item["logp_exhibits"] - item["logp_not"], abs=1e-9)
    assert result["estimate"]["value"] == pytest.approx(np.mean([i["log_odds"] for i in result["items"]]))
    assert result["n"] == 6
    assert result["edited_positions"] > 0
    assert {"score", "metric", "data_digest", "model_fingerprint", "plan", "competence"} <= set(result)


def test_the_effect_on_items_whose_words_mislead_is_shown_with_its_n(llama):
    data = load_data("myopia").limit(12)
    evaluation = evaluate(llama, data, "text", PLAN)
    wrong = [place for place, right in enumerate(word_guesses(data).right.values()) if right == 0]
    shown = evaluation.to_json()["misread"]
    moved = (evaluation.scores.effect_scale - evaluation.baseline.effect_scale)[wrong]
    assert (shown["n"], shown["of"], shown["effect"]["n"]) == (len(wrong), 12, len(wrong))
    assert 0 < len(wrong) < 12
    assert shown["effect"]["value"] == pytest.approx(moved.mean())
    assert evaluate(llama, data.limit(9), "text", PLAN).to_json()["misread"] is None


def _scores(data, odds):
    items = tuple(
        ItemScore(item, tuple(OneOrder(order, value, 0.0, (1, 1)) for order, value in enumerate(pair)))
        for item, pair in zip(data, odds, strict=True)
    )
    return ArmScores(items, "letter", 0)


def test_competence_tells_content_from_letter(table):
    data = load_data(table)
    by_content = judge(_scores(data, [(1.0, 0.8)] * 30))
    assert by_content.answers_by == "content"
    assert by_content.warning("letter") is None
    letter = [(1.0, -1.0) if item.exhibits == 0 else (-1.0, 1.0) for item in data]
    by_letter = judge(_scores(data, letter))
    assert by_letter.answers_by == "letter"
    assert by_letter.letter_bias == 1.0
    assert "use --score text" in (by_letter.warning("letter") or "")
    assert by_letter.warning("text") is None


def test_a_coin_is_called_unclear(table):
    """Whatever its luck with ten items, but for the one case in twenty that the interval allows."""
    data = load_data(table).limit(10)
    right, lost = (1.0, 1.0), (1.0, -1.0)
    called = {count: judge(_scores(data, [right] * count + [lost] * (10 - count))) for count in range(11)}
    chance = {count: math.comb(10, count) / 2**10 for count in called}
    assert sum(chance[count] for count, verdict in called.items() if verdict.answers_by != "unclear") <= 0.05
    assert (called[0].answers_by, called[5].answers_by, called[10].answers_by) == ("letter", "unclear", "content")
    assert "unclear" in (called[4].warning("letter") or "")
    few = judge(_scores(data.limit(4), [right] * 4))
    assert few.answers_by == "unclear"  # four of four is what a coin does in one case of sixteen


def test_a_tie_is_no_choice(table):
    data = load_data(table).limit(1)
    assert judge(_scores(data, [(0.0, 0.0)])).swap_consistency.value == 0
