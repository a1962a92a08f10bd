"""Replicates: training samples that share no item, and an interval that covers new ones."""

import numpy as np
import pytest

from steerstack import Stack
from steerstack.errors import StudyError
from steerstack.stats.learning_curves import two_way
from steerstack.study.stack.replicates import LEAST, parts
from steerstack.testing import planted_data, planted_model

STUDY = Stack(
    data="agreeing", layers=(1,), shares=(0.2,), score="yes-no", form="A", nulls=1, neighbors=0, finetunes=(),
    few_shot=None, replicates=3,
)  # fmt: skip


def test_the_interval_is_over_samples_and_items_and_the_verdict_says_for_what_it_holds(tmp_path):
    data = planted_data(32)
    result = STUDY.run(planted_model(), data=data, folder=tmp_path)
    value = result.value["replicates"]
    assert value["count"] == len(result.again) == 3
    assert sum(one["n_train"] for one in value["each"]) == len(result.splits.train)
    moved = np.array([one.values.log_odds - result.bare.log_odds for one in result.again])
    assert value["effect"] == two_way(moved, groups=result.groups()).to_json()
    assert "this holds for new samples of that size, new seeds and new items" in result.verdict
    plain = STUDY.model_copy(update={"replicates": 1}).run(planted_model(), data=data, folder=tmp_path)
    assert plain.value["replicates"] is None
    assert "replicates" not in plain.verdict


def test_samples_share_no_item_and_are_not_too_small():
    data = planted_data(13)
    samples = parts(data, 3, seed=0)
    assert sorted(item.id for part in samples for item in part) == sorted(item.id for item in data)
    assert {len(part) for part in samples} == {4, 5}
    assert [part.digest for part in parts(data, 3, seed=1)] != [part.digest for part in samples]
    with pytest.raises(StudyError, match="too few for 4 replicates") as caught:
        parts(data, 4, seed=0)
    assert f"{LEAST} needed" in str(caught.value)
