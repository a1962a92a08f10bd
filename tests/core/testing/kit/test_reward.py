"""The reward contract: a wrong reward fails the very check that it breaks."""

import pytest
from tests.core.testing.kit import wrong_rewards as wrong
from tests.core.testing.kit.failing import failing

from steerstack.testing import RewardContract

BREAKS = {
    wrong.Right: set(),
    wrong.TooFew: {"one_number_a_rollout", "each_on_its_own"},
    wrong.Infinite: {"one_number_a_rollout", "each_on_its_own"},
    wrong.Silent: {"one_number_a_rollout"},
    wrong.Relative: {"each_on_its_own"},
    wrong.Moody: {"repeats"},
    wrong.Unexpected: {"the_expected_reward_is_that_of_its_labels"},
    wrong.NoPaper: {"source"},
}


@pytest.mark.parametrize("cls", BREAKS, ids=lambda cls: cls.__name__)
def test_a_wrong_reward_fails_the_check_that_it_breaks(cls, tmp_path):
    assert failing(type("TestWrong", (RewardContract,), {"reward": cls()}), tmp_path) == BREAKS[cls]
