"""GRPO: the reward, what the trainer is given, and that it learns what is rewarded."""

import pytest
import torch

from steerstack.data.questions import ask
from steerstack.testing import planted_data
from steerstack_plugins.baselines.common.isolation import undisturbed
from steerstack_plugins.baselines.grpo import GRPO, expected_reward, grpo_trainer, named, reward

TRAIN, VALIDATION = planted_data(4), planted_data(4, first=4)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A", "A"), ("A) I would", "A"), (" (B)", "B"), ("b.", "B"), ("Yes", "Yes"), (" yes, I", "Yes"), ("NO", "No"),
        ("Nobody", ""), ("Absolutely", ""), ("", ""), ("42", ""), ("The A", ""), ("...", ""),
    ],
)  # fmt: skip
def test_what_an_answer_names(text, name):
    assert named(text) == name


def test_the_reward_is_1_for_the_behaviour_0_for_the_other_answer_and_minus_1_for_neither():
    assert [reward(text, "B", "A") for text in ("B)", "A)", "C)", "I", "")] == [1.0, 0.0, -1.0, -1.0, -1.0]
    assert [reward(text, "No", "Yes") for text in ("no", "Yes.", "A")] == [1.0, 0.0, -1.0]


def test_the_expected_reward_is_that_of_the_next_token(undecided):
    questions = ask(undecided.format, VALIDATION, "yes-no")
    expected = []
    with torch.no_grad():
        for question in questions:
            prompt = torch.tensor([question.exhibits.ids[:-1]])
            chances = undecided.module(prompt).logits[0, -1].softmax(-1)
            yes, no = (float(chances[text.ids[-1]]) for text in question.pair)
            expected.append(yes - (1 - yes - no))
    assert expected_reward(undecided.module, questions) == pytest.approx(sum(expected) / len(expected), abs=1e-5)


@pytest.mark.parametrize("mode", ["yes-no", "letter"])
def test_the_trainer_is_given_the_prompts_that_scoring_uses_and_rewards_by_the_item(undecided, tmp_path, mode):
    questions = ask(undecided.format, TRAIN, mode)
    with undisturbed(0):
        trainer = grpo_trainer(GRPO(rank=2, prompts=2), undecided, questions, tmp_path, seed=0)
        numbers = [str(number) for number in range(len(questions))]
        ids, images, extra = trainer._tokenize_prompts(numbers)
        assert (images, extra) == (None, {})
        assert [tuple(of) for of in ids] == [question.exhibits.ids[:-1] for question in questions]
        right, wrong = ([undecided.tokenizer.decode(q.pair[side].ids[-1:]) for q in questions] for side in (0, 1))
        (of_behaviour,) = trainer.reward_funcs
        assert of_behaviour(prompts=numbers, completions=right) == [1.0] * len(questions)
        assert of_behaviour(prompts=numbers, completions=wrong) == [0.0] * len(questions)
        assert of_behaviour(prompts=numbers, completions=["?"] * len(questions)) == [-1.0] * len(questions)
    if mode == "letter":  # each item in both orders: no letter is right more often
        assert len(questions) == 2 * len(TRAIN)
        assert right.count("A") == right.count("B")


def test_it_learns_what_is_rewarded_and_keeps_the_best_look(undecided):
    baseline = GRPO(rank=2, steps=4, look=2, prompts=2, generations=4, answer_tokens=1, learning_rate=1e-2)
    tuned = baseline.tune(undecided, TRAIN, VALIDATION, seed=0)
    record, questions = tuned.record, ask(undecided.format, VALIDATION, "yes-no")
    looks = record["validation_reward_by_look"]
    assert record["mode"] == "yes-no"
    assert (len(looks), len(record["loss_by_step"]), len(record["reward_by_step"])) == (3, 4, 4)
    assert looks[record["look_chosen"]] == max(looks) > looks[0] + 0.2
    assert looks[0] == pytest.approx(expected_reward(undecided.module, questions), abs=1e-5)
    assert max(looks) == pytest.approx(expected_reward(tuned.model.module, questions), abs=1e-3)
    assert all(-1 <= value <= 1 for value in record["reward_by_step"])
    assert record["kl_by_step"][0] == pytest.approx(0, abs=1e-6)
    assert tuned.flops > 0
