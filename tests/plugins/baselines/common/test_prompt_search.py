"""Prompts and demonstrations: the choice against scores computed by hand, and what they add to the prompt."""

from dataclasses import replace

import numpy as np
import pytest

from steerstack.data.items import SystemPrompts
from steerstack.data.questions import ask
from steerstack.engine.score import score
from steerstack.errors import DataError, ParameterError
from steerstack.steering.intervention import Plan
from steerstack.study.fit_step import values_of
from steerstack.techniques.technique import Conditioning
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.baselines.system_prompt import SystemPrompt

TRAIN, VALIDATION = planted_data(6), planted_data(4, first=6)
PROMPTS = ("Always say Yes.", "Never agree with anybody about anything.", "x")


def by_hand(data, system=None, shots=()):
    """Mean log-odds per token of the exhibiting answers, asked with what stands before them."""
    model = planted_model()
    questions = ask(model.format, data, "text", system=system, shots=shots)
    (scores,) = score(model, [question.pair for question in questions], [Plan()])
    per_token = [[np.mean(side) for side in of] for of in scores.tokens]
    return float(np.mean([a - b for a, b in per_token]))


def test_the_best_system_prompt_on_validation_is_chosen_and_all_are_recorded():
    tuned = SystemPrompt(prompts=PROMPTS).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    expected = [by_hand(VALIDATION, prompt) for prompt in PROMPTS]
    tried = tuned.record["tried"]
    assert [entry["prompt"] for entry in tried] == list(PROMPTS)
    np.testing.assert_allclose([entry["log_odds"] for entry in tried], expected, atol=1e-4)
    assert tuned.system == PROMPTS[int(np.argmax(expected))] == PROMPTS[tuned.record["chosen"]]
    assert tuned.record["log_odds_without"] == pytest.approx(by_hand(VALIDATION), abs=1e-4)
    assert (tuned.parameters, tuned.shots, tuned.plan, tuned.model) == (0, (), None, planted_model())


def test_the_data_s_own_prompts_are_the_candidates_unless_others_are_given():
    tuned = SystemPrompt().tune(planted_model(), TRAIN, VALIDATION, seed=0)
    assert [entry["prompt"] for entry in tuned.record["tried"]] == ["Always say Yes."]
    assert tuned.record["prompts_from"] == "steerstack.testing"
    with pytest.raises(DataError, match="No system prompt asks for agreeing"):
        SystemPrompt().tune(planted_model(), replace(TRAIN, prompts=SystemPrompts()), VALIDATION, seed=0)


def test_context_tokens_are_what_the_prompt_grows_by():
    # the tiny tokenizer has one token a byte, but for <|im_start|>, <|im_end|> and Yes
    tuned = SystemPrompt(prompts=("Say Yes.",)).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    assert tuned.context_tokens == 1 + len("system\n") + len("Say") + 1 + len(".") + 1 + len("\n")
    demonstrated = FewShot(shots=1, draws=1).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    ((question, answer),) = demonstrated.shots
    assert answer == "Yes"
    turns = 1 + len("user\n") + len(question) + 2 + 1 + len("assistant\n") + 1 + 2
    assert demonstrated.context_tokens == turns


def test_demonstrations_are_drawn_from_train_answered_as_the_behaviour_would():
    tuned = FewShot(shots=3, draws=4).tune(planted_model(), TRAIN, VALIDATION, seed=1)
    items = {item.id: item for item in TRAIN}
    tried = tuned.record["tried"]
    assert len({tuple(entry["items"]) for entry in tried}) == len(tried) == 4
    for entry in tried:
        shots = tuple((items[i].question, items[i].exhibits_text) for i in entry["items"])
        assert len(set(entry["items"])) == 3
        assert entry["log_odds"] == pytest.approx(by_hand(VALIDATION, shots=shots), abs=1e-4)
    best = max(tried, key=lambda entry: entry["log_odds"])
    assert [items[i].question for i in best["items"]] == [question for question, _ in tuned.shots]
    assert tuned.record["chosen"] == tried.index(best)


def test_draws_depend_on_the_seed_and_no_more_are_shown_than_there_are():
    first, again, other = (
        FewShot(shots=3, draws=2).tune(planted_model(), TRAIN, VALIDATION, seed=seed).record["tried"]
        for seed in (0, 0, 1)
    )
    assert first == again != other
    few = FewShot(shots=9, draws=1).tune(planted_model(), TRAIN, VALIDATION, seed=0)
    assert len(few.shots) == few.record["shots"] == len(TRAIN)
    one = FewShot(shots=1, draws=3).tune(planted_model(), TRAIN.limit(1), VALIDATION, seed=0)
    assert len(one.record["tried"]) == 1  # the same draw is not tried again


def test_another_mode_asks_and_answers_in_that_mode():
    tuned = FewShot(shots=2, draws=1, mode="letter").tune(planted_model(), TRAIN, VALIDATION, seed=0)
    assert all("(A)" in question and answer in ("(A)", "(B)") for question, answer in tuned.shots)
    with pytest.raises(ParameterError, match="mode"):
        FewShot.make({"mode": "words"})


@pytest.mark.parametrize("baseline", [SystemPrompt(prompts=PROMPTS), FewShot(shots=2, draws=2)], ids=lambda b: b.name)
def test_a_study_measures_with_what_was_chosen(baseline):
    test = planted_data(4, first=10)
    fitted = Conditioning(baseline).fit(planted_model(), TRAIN, VALIDATION, "text", 0)
    values = values_of(fitted.arm, test, "text")
    assert values.mean() == pytest.approx(by_hand(test, fitted.arm.system, fitted.arm.shots), abs=1e-4)
    assert fitted.flops > 0
    assert fitted.context_tokens > 0
