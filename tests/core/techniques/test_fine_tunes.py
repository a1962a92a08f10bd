"""Which baselines can be stacked on: those that train weights."""

import pytest

from steerstack.errors import StudyError
from steerstack.techniques.fine_tunes import check_trains
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.baselines.rank1_reft import Rank1Reft
from steerstack_plugins.baselines.system_prompt import SystemPrompt


def test_what_trains_no_weights_is_not_stacked_as_a_fine_tune():
    check_trains([LoraSFT(), FullSFT()])
    for baseline in (FewShot(), SystemPrompt(), Rank1Reft()):
        with pytest.raises(StudyError, match=f"{baseline.name} trains no weights"):
            check_trains([LoraSFT(), baseline])
