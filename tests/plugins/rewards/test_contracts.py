"""Every reward of ours against the contract kit."""

import tempfile
from functools import cache
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForSequenceClassification

from steerstack.catalog.manager import plugins
from steerstack.testing import RewardContract, tiny_tokenizer
from steerstack_plugins.rewards.exact import ExactAnswer
from steerstack_plugins.rewards.judge_score import JudgeScore
from steerstack_plugins.rewards.log_odds import LogOdds
from steerstack_plugins.rewards.reward_model import RewardModel


@cache
def reward_model_folder() -> str:
    """A tiny sequence classifier with random weights."""
    folder = Path(tempfile.mkdtemp())
    torch.manual_seed(3)
    config = LlamaConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=300, num_labels=1,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    tokenizer = tiny_tokenizer()
    config.pad_token_id = tokenizer.pad_token_id
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


class TestExactAnswer(RewardContract):
    reward = ExactAnswer()


class TestLogOdds(RewardContract):
    reward = LogOdds()


class TestJudgeScore(RewardContract):
    reward = JudgeScore(judge="self", judge_parameters={"model": "measured", "least_mass": 0.0})


class TestRewardModel(RewardContract):
    reward = RewardModel(path=reward_model_folder())


def test_every_reward_of_ours_is_checked():
    ours = {cls for cls in plugins().offers("reward").values() if cls.__module__.startswith("steerstack_plugins.")}
    checked = [cls for cls in globals().values() if hasattr(cls, "checks") and hasattr(cls, "reward")]
    assert ours == {type(cls.reward) for cls in checked}
