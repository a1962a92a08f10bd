"""What each reward gives, against the same worked out by hand."""

import math

import pytest
import torch
from tests.plugins.rewards.test_contracts import reward_model_folder
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from steerstack.contracts import Rollout
from steerstack.data.items import SystemPrompts
from steerstack.errors import DataError, ModelError
from steerstack.testing import planted_data, planted_model
from steerstack_plugins.rewards.exact import ExactAnswer, label_reward, named
from steerstack_plugins.rewards.judge_score import JudgeScore
from steerstack_plugins.rewards.log_odds import LogOdds
from steerstack_plugins.rewards.reward_model import RewardModel

DATA = planted_data(2)
ROLLOUTS = [Rollout(item, item.question, answer, ("Yes", "No")) for item in DATA for answer in ("Yes", "No", "")]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A", "A"), ("A) I would", "A"), (" (B)", "B"), ("b.", "B"), ("Yes", "Yes"), (" yes, I", "Yes"), ("NO", "No"),
        ("Nobody", ""), ("Absolutely", ""), ("c42", ""), ("A_1", ""), ("", ""), ("42", ""), ("The A", ""), ("...", ""),
    ],
)  # fmt: skip
def test_what_an_answer_names(text, name):
    assert named(text) == name


def test_an_exact_answer_is_1_the_other_0_and_neither_minus_1():
    assert [label_reward(text, "B", "A") for text in ("B)", "A)", "C)", "I", "")] == [1.0, 0.0, -1.0, -1.0, -1.0]
    assert ExactAnswer().values(ROLLOUTS, DATA, planted_model()).tolist() == [1, 0, -1] * 2
    expected = ExactAnswer().expected(torch.tensor([[0.5, 0.2]]).log().numpy())
    assert expected == pytest.approx([0.5 * 1 + 0.2 * 0 + 0.3 * -1])
    with pytest.raises(DataError, match="asks for none"):
        ExactAnswer().values([Rollout(DATA.items[0], "How?", "So.")], DATA, planted_model())


def test_log_odds_are_those_of_two_plain_passes_under_either_prompt():
    model = planted_model()
    values = LogOdds().values(ROLLOUTS[:3], DATA, model)
    assert math.isnan(values[2])  # nothing was said
    for value, rollout in zip(values, ROLLOUTS[:2], strict=False):
        logp = []
        for system in (DATA.prompts.positive[0], DATA.prompts.negative[0]):
            text = (
                f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{rollout.words}<|im_end|>\n"
                "<|im_start|>assistant\n"
            )
            before = model.tokenizer(text)["input_ids"]
            answer = model.tokenizer(rollout.answer)["input_ids"]
            with torch.no_grad():
                logits = model.module(torch.tensor([before + answer])).logits[0].log_softmax(-1)
            places = range(len(before), len(before) + len(answer))
            logp.append(sum(float(logits[p - 1, t]) for p, t in zip(places, answer, strict=True)) / len(answer))
        assert value == pytest.approx(logp[0] - logp[1], abs=1e-4)


def test_log_odds_need_a_prompt_for_and_one_against():
    from dataclasses import replace

    bare = replace(DATA, prompts=SystemPrompts(("Always say Yes.",)))
    with pytest.raises(DataError, match="one against it"):
        LogOdds().check_data(bare)
    LogOdds(negative="Always say No.").check_data(bare)


def test_a_judge_that_cannot_be_read_gives_no_reward():
    unread = JudgeScore(judge_parameters={"model": "measured", "least_mass": 1.0})
    assert all(math.isnan(value) for value in unread.values(ROLLOUTS[:2], DATA, planted_model()))


def test_a_reward_model_reads_the_conversation_in_its_own_template():
    module = AutoModelForSequenceClassification.from_pretrained(reward_model_folder())
    tokenizer = AutoTokenizer.from_pretrained(reward_model_folder())
    values = RewardModel(path=reward_model_folder()).values(ROLLOUTS[:2], DATA, planted_model())
    for value, rollout in zip(values, ROLLOUTS, strict=False):
        text = f"<|im_start|>user\n{rollout.words}<|im_end|>\n<|im_start|>assistant\n{rollout.answer}<|im_end|>\n"
        with torch.no_grad():
            logit = module(torch.tensor([tokenizer(text)["input_ids"]])).logits[0, 0]
        assert value == pytest.approx(float(logit), abs=1e-5)
    with pytest.raises(ModelError, match="No reward model can be loaded"):
        RewardModel(path="no-such-folder-at-all").values(ROLLOUTS[:1], DATA, planted_model())
