"""Sample efficiency: curves against plain computation, resumption without redoing, and what is refused."""

import json

import numpy as np
import pytest
from tests.support.answers import held_to_its_frame

from steerstack import Efficiency
from steerstack.catalog.data import load_data
from steerstack.errors import DataError, StudyError
from steerstack.run.progress import Advance, Phase, Progress


@pytest.fixture
def kindness(table):
    return load_data(table, behavior="kindness")


class Stop(Exception):
    """Stands for a kill in the middle of a study."""


def stopping_at(count):
    """A listener that raises at so many fits."""
    left = [count]

    def hear(event):
        if isinstance(event, Advance):
            left[0] -= event.more
            if left[0] <= 0:
                raise Stop

    return Progress(hear)


def test_the_study_runs_resumes_and_reports(llama, kindness, tmp_path):
    study = Efficiency(
        data="kindness", techniques=("mean-difference", "logistic"), layers=(1, 2), sizes=(1, 4, 8), seeds=2,
        noise=(0.0, 0.25), nulls=False,
    )  # fmt: skip
    result = study.run(llama, data=kindness, folder=tmp_path / "a")
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    curves = {(c["technique"], c["noise"]): c for c in value["curves"]}
    assert [p["size"] for p in curves["mean-difference", 0.0]["points"]] == [1, 4, 8]
    assert [p["size"] for p in curves["logistic", 0.25]["points"]][-1] == 8
    rows = [r["effect"] for r in result.rows() if (r["technique"], r["n"], r["noise"]) == ("mean-difference", 8, 0.0)]
    assert curves["mean-difference", 0.0]["points"][2]["value"] == pytest.approx(np.mean(rows))
    held_to_its_frame(result, tmp_path)
    with pytest.raises(Stop):
        study.run(llama, data=kindness, folder=tmp_path / "b", progress=stopping_at(5))
    again = study.run(llama, data=kindness, folder=tmp_path / "b")
    assert result.rows() == again.rows()
    names = {f"{name} n={n} seed 0{flipped}" for name in ("mean-difference", "logistic") for n in (1, 4, 8)
            for flipped in ("", " 25% flipped")}  # fmt: skip
    assert set(result.vectors) <= names
    assert {"mean-difference n=8 seed 0", "logistic n=8 seed 0 25% flipped"} <= set(result.vectors)
    assert {role: of.fingerprint for role, of in again.vectors.items()} == {
        role: of.fingerprint for role, of in result.vectors.items()
    }
    steps = [json.loads(line)["what"] for line in (tmp_path / "b" / "ledger.jsonl").read_text().splitlines()]
    assert len(steps) == len(set(steps))


def test_sizes_beyond_the_data_are_refused(llama, kindness, tmp_path):
    study = Efficiency(data="kindness", techniques=("mean-difference",), sizes=(4, 500))
    with pytest.raises(StudyError, match="cannot be drawn"):
        study.run(llama, data=kindness, folder=tmp_path)


def test_a_baseline_that_the_data_cannot_serve_is_refused_before_anything_is_fitted(llama, kindness, tmp_path):
    events = []
    study = Efficiency(data="kindness", techniques=("mean-difference", "system-prompt"))
    with pytest.raises(DataError, match="No system prompt asks for kindness"):
        study.run(llama, data=kindness, folder=tmp_path, progress=Progress(events.append))
    assert not [event for event in events if isinstance(event, Advance | Phase)]
    assert not (tmp_path / "ledger.jsonl").exists()
