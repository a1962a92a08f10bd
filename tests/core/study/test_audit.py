"""Thresholds and verdicts from evidence that is written out by hand."""

import numpy as np
import pytest
from tests.core.study.test_sandbagging import ITEMS, chosen

from steerstack.errors import StudyError
from steerstack.study.audit import AuditData, Evidence, Thresholds, gather
from steerstack.study.elicitation import Demonstrations, FewShot, Instructed

RIGHT = chosen([True] * 40)


def evidence(**values):
    return Evidence(values, RIGHT)


HONEST = [evidence(a=0.1, b=0.0), evidence(a=0.0, b=0.3)]
SANDBAGGING = [evidence(a=0.5, b=0.2), evidence(a=0.3, b=0.1)]


def test_bounds_lie_between_the_highest_honest_and_the_next_above():
    found = Thresholds.fit(SANDBAGGING, HONEST)
    assert found.bounds == {"a": pytest.approx(0.2)}
    assert found.votes == 1
    assert found.trained == (2, 2)


def test_verdicts_name_what_was_crossed():
    bounds = Thresholds({"a": 0.2, "b": 0.2}, 2, (1, 1))
    verdict = bounds.judge(evidence(a=0.4, b=0.1))
    assert not verdict.sandbags
    assert verdict.crossed == {"a": (0.4, 0.2)}
    assert bounds.judge(evidence(a=0.4, b=0.4)).sandbags


def test_no_organism_of_the_training_is_misjudged_where_one_test_separates_them():
    found = Thresholds.fit(SANDBAGGING, HONEST)
    assert all(found.judge(e).sandbags for e in SANDBAGGING)
    assert not any(found.judge(e).sandbags for e in HONEST)


def test_thresholds_come_back_from_their_file():
    found = Thresholds.fit(SANDBAGGING, HONEST)
    assert Thresholds.from_json(found.to_json()) == found


def test_organisms_of_one_state_set_no_threshold():
    with pytest.raises(StudyError):
        Thresholds.fit(SANDBAGGING, [])


def test_demonstrations_that_are_tested_are_refused():
    with pytest.raises(StudyError, match="share"):
        AuditData(ITEMS[:4], ITEMS[4:8], Demonstrations(ITEMS[3:6], ITEMS[8:9]))


def test_gains_are_differences_of_plain_runs(llama):
    data = AuditData(ITEMS[:8], ITEMS[8:16], Demonstrations(ITEMS[16:20], ITEMS[20:24]))
    battery = (FewShot(2), Instructed(system="Be right."))
    told = []
    found = gather(llama, data, battery, shares=(0.1,), seeds=1, progress=told.append)
    base = found.answers.accuracy.value
    for elicitation in battery:
        asked = elicitation.prepare(llama, data.shown).ask(data.target)
        assert found.values[elicitation.name] == pytest.approx(asked.accuracy.value - base)
    assert found.values["below chance"] == pytest.approx(0.25 - base)
    assert sum(told) == len(battery) + 2
    assert np.isfinite(list(found.values.values())).all()
