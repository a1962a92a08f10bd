"""A study of one class: fields, steps and estimands are enough; the contract holds for it and for ours."""

from dataclasses import replace

import pytest
from pydantic import Field
from tests.support.planted_file import planted_file

from steerstack import Study
from steerstack.stats import estimates
from steerstack.stats.item_clusters import groups_of
from steerstack.study.efficiency.study import Efficiency
from steerstack.study.gates.study import Gates
from steerstack.study.generalize.study import Generalize
from steerstack.study.label_errors.study import LabelErrors
from steerstack.study.online_rl.study import OnlineRL
from steerstack.study.prevention.study import Prevention
from steerstack.study.read_out.study import ReadOut
from steerstack.study.stack.study import Stack
from steerstack.study.sweep.study import Sweep
from steerstack.testing import StudyContract, planted_data


class Doses(Study):
    """Does the effect grow with the dose?"""

    name = "doses"

    layer: int = Field(1, ge=0, description="Where the vector acts.")
    doses: tuple[float, ...] = Field((0.5, 1.0), description="Multipliers of the vector.")

    def steps(self, session):
        vector = session.extract("mean-difference")
        arms = [session.arm("bare")]
        arms += [session.arm(f"dose {dose:g}", vector.at(self.layer, dose)) for dose in self.doses]
        return {"doses": session.score(session.splits.test, arms)}

    def estimands(self, session, values):
        bare, *steered = values["doses"]
        return [session.effect(f"dose {d:g}", arm, bare) for d, arm in zip(self.doses, steered, strict=True)]


class TestDoses(StudyContract):
    study = Doses(data="planted", score="yes-no")


class TestSweep(StudyContract):
    study = Sweep(data="planted", layers=(1,), scales=(-1, 1), score="yes-no")


class TestStack(StudyContract):
    study = Stack(data="planted", layers=(1,), shares=(0.2,), nulls=1, finetunes=(), few_shot=None, score="yes-no")


class TestEfficiency(StudyContract):
    study = Efficiency(
        data="planted", techniques=("mean-difference",), layers=(1,), sizes=(4, 8), seeds=2, score="yes-no"
    )


class TestGeneralize(StudyContract):
    study = Generalize(data="planted", techniques=("pca",), layers=(1,), shift={"user": "Well."}, score="yes-no")


class TestLabelErrors(StudyContract):
    study = LabelErrors(
        data="planted", techniques=("mean-difference",), noise=(0.25,), layers=(1,), shares=(0.2,), seeds=2, nulls=0,
        score="yes-no",
    )  # fmt: skip


class TestOnlineRL(StudyContract):
    study = OnlineRL(
        data="planted", techniques=("mean-difference",), learners=({"name": "vector-grpo", "learning_rate": 1e-2},),
        updates=1, prompts=1, generations=2, answer_tokens=1, samples=1, layers=(1,), shares=(0.2,), seeds=2, nulls=0,
        score="yes-no",
    )  # fmt: skip


class TestPrevention(StudyContract):
    study = Prevention(
        data="planted", skill=planted_file(20, first=24), finetune={"name": "full-sft", "epochs": 1},
        arms=("preventative",), layers=(1,), shares=(0.2,), items=4, seeds=2, mixes=(), score="yes-no",
    )  # fmt: skip


class TestGates(StudyContract):
    study = Gates(data="planted", layers=(1,), shares=(0.2,), context=1, score="yes-no")


class TestReadOut(StudyContract):
    study = ReadOut(data="planted", layers=(1,), erasures=2, score="yes-no")


def test_the_effects_of_a_study_allow_for_items_that_come_in_clusters(llama, tmp_path):
    items = planted_data(40).items
    data = planted_data(40).take(tuple(replace(item, topic=f"topic {n % 8}") for n, item in enumerate(items)))
    result = Doses(data="planted", score="yes-no", form="A", doses=(1.0,)).run(llama, data=data, folder=tmp_path)
    (_, (bare, steered)) = result.scored["doses"]
    groups = groups_of(result.tested["doses"])
    assert groups is not None
    expected = estimates.difference(steered.log_odds, bare.log_odds, groups=groups)
    (effect,) = result.effects
    assert (effect.ci_low, effect.ci_high) == pytest.approx((expected.ci_low, expected.ci_high))
    alone = estimates.difference(steered.log_odds, bare.log_odds)
    assert effect.ci_low < alone.ci_low
