"""The baselines that come with steerstack."""

from collections.abc import Sequence

from steerstack import hookimpl
from steerstack.contracts import Baseline
from steerstack_plugins.baselines.dpo import DPO
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.grpo import GRPO
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.baselines.many_shot import ManyShot
from steerstack_plugins.baselines.peft_adapter import PeftAdapter
from steerstack_plugins.baselines.rank1_reft import Rank1Reft
from steerstack_plugins.baselines.reflective_prompt import ReflectivePrompt
from steerstack_plugins.baselines.system_prompt import SystemPrompt


@hookimpl
def steerstack_baselines() -> Sequence[type[Baseline]]:
    """Each of them."""
    return [DPO, FewShot, FullSFT, GRPO, LoraSFT, ManyShot, PeftAdapter, Rank1Reft, ReflectivePrompt, SystemPrompt]
