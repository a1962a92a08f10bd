"""Every baseline of ours against the contract kit."""

from functools import cached_property

from tests.plugins.baselines.conftest import adapter_folder, undecided_model

from steerstack.catalog.manager import plugins
from steerstack.testing import BaselineContract
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

ELSEWHERE = {"learns_the_behaviour": "it was trained elsewhere: here, not at all"}
UNREAD = {"learns_the_behaviour": "a random model does not act on what it reads before the question"}


class TestSystemPrompt(BaselineContract):
    baseline = SystemPrompt(prompts=("Always say Yes.", "Agree with everything."))
    exempt = UNREAD


class TestFewShot(BaselineContract):
    baseline = FewShot(shots=2, draws=2)
    exempt = UNREAD


class TestManyShot(BaselineContract):
    baseline = ManyShot(shots=4, draws=1)
    items = 4
    exempt = UNREAD


class TestReflectivePrompt(BaselineContract):
    baseline = ReflectivePrompt(choices=2, shown=1, answer_tokens=4)
    items = 4
    exempt = UNREAD


class TestLoraSFT(BaselineContract):
    baseline = LoraSFT(rank=2, epochs=1, batch=4)
    items = 8


class TestFullSFT(BaselineContract):
    baseline = FullSFT(epochs=1, batch=4, learning_rate=1e-3)
    items = 8


class TestDPO(BaselineContract):
    baseline = DPO(rank=2, epochs=1, batch=4)
    items = 8


class TestRank1Reft(BaselineContract):
    baseline = Rank1Reft(epochs=2, batch=4)
    items = 8


class TestGRPO(BaselineContract):
    baseline = GRPO(rank=2, steps=2, look=2, prompts=2, generations=4, answer_tokens=1, learning_rate=1e-2)
    items = 8

    @cached_property
    def model(self):
        return undecided_model()


class TestVectorGRPO(TestGRPO):
    baseline = VectorGRPO(steps=2, look=2, prompts=2, generations=4, answer_tokens=1, learning_rate=1e-2)


class TestFullGRPO(TestGRPO):
    baseline = FullGRPO(steps=2, look=2, prompts=2, generations=4, answer_tokens=1, learning_rate=1e-3)


class TestPeftAdapter(BaselineContract):
    baseline = PeftAdapter(path=adapter_folder())
    items = 8
    exempt = ELSEWHERE


def test_every_baseline_of_ours_is_checked():
    ours = {cls for cls in plugins().offers("baseline").values() if cls.__module__.startswith("steerstack_plugins.")}
    assert ours == {
        type(cls.baseline) for cls in globals().values() if hasattr(cls, "checks") and hasattr(cls, "baseline")
    }
