"""A fine-tune whose untrained model is the best on validation is an outcome that every study measures and tells."""

import json

import pytest
from tests.support.planted_file import planted_file

from steerstack import Efficiency, Frontier, Generalize, LabelErrors, Prevention, Stack
from steerstack.testing import planted_data, planted_model

STILL = {"name": "full-sft", "epochs": 1, "learning_rate": 1e-30}
FEW_ONCE = {"data": "planted", "score": "yes-no", "layers": (1,), "shares": (0.2,)}
FEW = {**FEW_ONCE, "nulls": 0}
ONE = {**FEW, "techniques": (STILL,)}


@pytest.mark.parametrize(
    ("study", "fits"),
    [
        (Efficiency(**ONE, sizes=(8,), seeds=2), 2),
        (Generalize(**ONE), 2),
        (LabelErrors(**ONE, labellers=("random-flips",), noise=(0.25,), items=8, seeds=2), 4),
        (Frontier(**{**ONE, "techniques": (STILL, "mean-difference")}, budgets=(0.01,), knowledge=0, own_answers=1), 1),
    ],
    ids=lambda of: getattr(of, "name", ""),
)
def test_its_effect_is_none_and_it_is_said(study, fits, tmp_path):
    result = study.run(planted_model(), data=planted_data(24), folder=tmp_path)
    effects = {row["effect"] for row in result.rows() if row["technique"] == "full-sft"}
    assert effects == {0.0}
    assert f"full-sft kept nothing of its training in {fits} of {fits} fits." in result.warnings
    json.dumps(result.value, allow_nan=False)


def test_nothing_is_stacked_on_it(tmp_path):
    study = Stack(**FEW, neighbors=0, few_shot=None, finetunes=(STILL,))
    for _ in range(2):  # the second time from its folder
        result = study.run(planted_model(), data=planted_data(24), folder=tmp_path)
        told = "full-sft kept nothing of its training: it is the base model, and has no arms of its own."
        assert told in result.warnings
        assert {arm.cell.finetune for arm in result.arms} == {"none"}
        assert result.value["finetunes"]["full-sft"]["unchanged"] is True


def test_prevention_tells_it_of_every_arm(tmp_path):
    study = Prevention(
        **FEW_ONCE, finetune=STILL, skill=planted_file(12, first=24), arms=("inoculation",), prompt="Say Yes.", items=4,
        seeds=2, mixes=(),
    )  # fmt: skip
    result = study.run(planted_model(), data=planted_data(12), folder=tmp_path)
    assert result.unchanged == {"plain": 2, "inoculation": 2}
    assert not any(result.moved(arm, on).any() for arm in result.unchanged for on in ("trait", "skill"))
    assert "plain kept nothing of its training under 2 of 2 seeds." in result.warnings
    json.dumps(result.value, allow_nan=False)
