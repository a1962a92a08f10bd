"""The baselines that come with steerstack, and the rewards that some of them learn from."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Baseline, Reward
from steerstack_plugins.baselines.dpo import DPO
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.baselines.full_grpo import FullGRPO
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.grpo import GRPO
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.baselines.many_shot import ManyShot
from steerstack_plugins.baselines.peft_adapter import PeftAdapter
from steerstack_plugins.baselines.rank1_reft import Rank1Reft
from steerstack_plugins.baselines.reflective_prompt import ReflectivePrompt
from steerstack_plugins.baselines.system_prompt import SystemPrompt
from steerstack_plugins.baselines.vector_grpo import VectorGRPO
from steerstack_plugins.rewards.exact import ExactAnswer
from steerstack_plugins.rewards.judge_score import JudgeScore
from steerstack_plugins.rewards.log_odds import LogOdds
from steerstack_plugins.rewards.reward_model import RewardModel


@hookimpl
def steerstack_baselines() -> Sequence[type[Baseline]]:
    """Each of them."""
    return [
        DPO, FewShot, FullGRPO, FullSFT, GRPO, LoraSFT, ManyShot, PeftAdapter, Rank1Reft, ReflectivePrompt,
        SystemPrompt, VectorGRPO,
    ]  # fmt: skip


@hookimpl
def steerstack_rewards() -> Sequence[type[Reward]]:
    """Each of them."""
    return [ExactAnswer, JudgeScore, LogOdds, RewardModel]
