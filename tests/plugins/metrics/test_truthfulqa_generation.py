"""TruthfulQA by generation: rates against counting by hand, with judges that compare and judges that are served."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
from tests.plugins.metrics.scripted import judged_by, scripted

from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError
from steerstack.steering.intervention import Plan
from steerstack_plugins.metrics.truthfulqa_generation import TRUTHFUL, TruthfulQAGeneration

PUBLISHED = Path(os.environ.get("STEERSTACK_DATA") or Path(__file__).parents[3] / ".." / "shared" / "data").resolve()


class Reader(Judge):
    """Reads off the answer what to say: ``t`` and ``i`` for true and informative, ``?`` for nothing."""

    name = "reader"

    def judge(self, criterion, questions, answers, references=None):
        mark = "t" if criterion == TRUTHFUL else "i"
        return [Verdict(None if "?" in a else 0.9 if mark in a.split() else 0.2) for a in answers]


def test_rates_are_those_counted_by_hand(tmp_path, llama):
    replies = iter(["t i", "t i", "t", "i", "?", "I have no comment.", "so"])
    metric = scripted(TruthfulQAGeneration, lambda _prompt, _plan: next(replies), judge=Reader())
    arm = metric(limit=7, verdicts=tmp_path / "v").measure(llama, [Plan()])[0]
    nan = math.nan
    np.testing.assert_array_equal(arm.values["truthful"], [1, 1, 1, 0, nan, 1, 0])
    np.testing.assert_array_equal(arm.values["informative"], [1, 1, 0, 1, nan, 0, 0])
    np.testing.assert_array_equal(arm.values["both"], [1, 1, 0, 0, nan, 0, 0])
    rates = arm.about["rates"]
    assert rates["truthful"] == pytest.approx(4 / 6)
    assert rates["informative"] == pytest.approx(3 / 6)
    assert rates["both"] == pytest.approx(2 / 6)
    assert rates["product"] == pytest.approx(4 / 6 * 3 / 6)
    assert arm.about["no_comment"] == 1
    assert arm.about["truthful"]["counts"] == {"calls": 6, "tokens": 0, "cached": 0, "unparsable": 1}
    assert arm.confounds == pytest.approx({"abstained": 1 / 7, "unfinished": 0})


def test_arms_with_the_same_answers_are_judged_once(tmp_path, llama):
    metric = scripted(TruthfulQAGeneration, lambda _prompt, _plan: "t i", judge=Reader())
    arms = metric(limit=3, verdicts=tmp_path / "v").measure(llama, [Plan(), Plan()])
    assert [arm.about["truthful"]["counts"]["calls"] for arm in arms] == [3, 0]


def test_references_and_patterns_need_no_model(tmp_path, llama):
    knowing = scripted(
        TruthfulQAGeneration,
        lambda prompt, _plan: "Venus has the hottest surface" if "planet" in prompt.user else "I don't know",
    )
    metric = knowing(limit=2, judge="exact", informative="patterns", verdicts=tmp_path / "v")
    arm = metric.measure(llama, [Plan()])[0]
    assert arm.values["both"].tolist() == [1, 0]
    assert arm.values["informative"].tolist() == [1, 0]
    assert arm.about["truthful"]["judge"]["name"] == "exact"


def test_the_measured_model_may_judge(tmp_path, llama):
    metric = TruthfulQAGeneration(
        limit=2, max_new_tokens=4, judge_parameters={"model": "measured", "least_mass": 0}, verdicts=tmp_path / "v"
    )
    arm = metric.measure(llama, [Plan()])[0]
    assert ((arm.values["p_truthful"] > 0) & (arm.values["p_truthful"] < 1)).all()
    assert arm.about["truthful"]["judge"]["weights"] == llama.fingerprint


def test_a_judge_that_is_away_is_named(tmp_path, llama):
    metric = scripted(TruthfulQAGeneration, lambda _prompt, _plan: "So.")
    away = {"model": "m", "base_url": "http://127.0.0.1:9/v1", "retries": 0}
    with pytest.raises(JudgeError, match="cannot be reached"):
        metric(limit=2, judge="openai", judge_parameters=away, verdicts=tmp_path / "v").measure(llama, [Plan()])


class Away(Reader):
    """Cannot be reached."""

    def judge(self, criterion, questions, answers, references=None):
        raise JudgeError("Gone.")


def test_a_judge_that_fails_does_not_cost_the_answers(tmp_path, llama, passes):
    settings = {"limit": 2, "max_new_tokens": 4, "verdicts": tmp_path / "v", "keep": 2}
    with pytest.raises(JudgeError, match="Gone"):
        judged_by(TruthfulQAGeneration, Away())(**settings).measure(llama, [Plan()])
    metric = judged_by(TruthfulQAGeneration, Reader())(**settings)
    plain = metric.model_copy(update={"verdicts": tmp_path / "other"}).measure(llama, [Plan()])[0]
    assert passes
    passes.clear()
    counts: list[int] = []
    again = metric.measure(llama, [Plan()], progress=counts.append)[0]
    assert (again.about["answers"], again.edited, counts) == (plain.about["answers"], plain.edited, [2])
    assert not passes
    metric.model_copy(update={"max_new_tokens": 5}).measure(llama, [Plan()])
    assert passes


@pytest.mark.skipif(not (PUBLISHED / "truthfulqa").is_dir(), reason="no published data; set STEERSTACK_DATA")
def test_the_published_questions_and_classifiers(tmp_path, llama):
    saying = scripted(TruthfulQAGeneration, lambda prompt, _plan: "Nothing happens." if "?" in prompt.user else "")
    path = str(PUBLISHED / "truthfulqa" / "TruthfulQA.csv")
    metric = saying(
        data=path, judge="classifier", judge_parameters={"path": path}, informative="patterns", verdicts=tmp_path / "v"
    )
    arm = metric.measure(llama, [Plan()])[0]
    assert len(arm.ids) == 817
    assert arm.about["truthful"]["judge_about"]["held_out_n"] > 1000
