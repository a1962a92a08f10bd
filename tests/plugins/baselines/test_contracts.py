"""Every baseline of ours against the contract kit."""

from steerstack.testing import BaselineContract
from steerstack_plugins.baselines.lora_sft import LoraSFT


class TestLoraSFT(BaselineContract):
    baseline = LoraSFT(rank=2, epochs=1, batch=4)
