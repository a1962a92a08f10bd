"""Sample efficiency: nested subsets, curves against plain computation, resumption without redoing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steerstack import catalog
from steerstack.errors import DataError, StudyError
from steerstack.splits import split
from steerstack.study.curves import crossing, curve
from steerstack.study.efficiency import Efficiency, run_efficiency
from steerstack.study.subsets import sizes, subset
from steerstack.study.techniques import technique


@pytest.fixture
def kindness(table):
    return catalog.load_data(table, behavior="kindness")


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 50), small=st.integers(1, 8), more=st.integers(0, 8))
def test_a_larger_subset_contains_a_smaller_one(seed, small, more):
    data = catalog.load_data("myopia")
    parts = split(data.limit(60))
    one, other = (subset(parts, n, seed=seed) for n in (small, small + more))
    ids = [{item.id for item in (*s.train, *(s.validation or ()))} for s in (one, other)]
    assert ids[0] <= ids[1]
    assert len(ids[0]) == one.n == small
    assert (one.validation is None) == (small < 4)


def test_label_noise_flips_the_stated_share(kindness):
    parts = split(kindness)
    clean, noisy = (subset(parts, 8, seed=0, noise=noise) for noise in (0.0, 0.25))
    sides = [{i.id: i.exhibits_text for i in (*s.train, *s.validation)} for s in (clean, noisy)]
    assert sum(sides[0][name] != sides[1][name] for name in sides[0]) == 2
    assert sizes(64) == (1, 2, 4, 8, 16, 32, 64)


def test_a_curve_is_the_mean_over_seeds_and_items_with_a_band():
    rng = np.random.default_rng(0)
    effects = rng.normal([[[0.1]], [[0.3]]], 0.2, size=(2, 5, 40))
    found = curve((4, 16), effects)
    assert [p.value for p in found.points] == pytest.approx(effects.mean((1, 2)))
    assert all(p.ci_low < p.value < p.ci_high for p in found.points)
    assert found.area.value == pytest.approx(effects.mean())  # two sizes: the trapezium is the mean


def test_the_band_covers_the_truth_over_seeds_and_items():
    hits = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        seeds, items = rng.normal(0, 0.1, (5, 1)), rng.normal(0, 0.3, (1, 50))
        point = curve((4,), (0.2 + seeds + items + rng.normal(0, 0.1, (5, 50)))[None]).points[0]
        hits += point.ci_low <= 0.2 <= point.ci_high
    assert hits >= 48  # five seeds are few: the band is a little narrow


def test_the_crossing_is_found_between_sizes():
    flat = np.full((3, 2, 10), 0.2)
    rising = np.broadcast_to(np.array([0.1, 0.15, 0.4])[:, None, None], (3, 2, 10)).copy()
    found = crossing((4, 16, 64), flat, rising)
    assert 16 < found["n"] < 64
    assert found["share_crossing"] == 1
    assert crossing((4, 16, 64), rising, flat)["n"] is None  # flat ends below


def test_the_study_runs_resumes_and_reports(llama, kindness, tmp_path):
    study = Efficiency("kindness", sizes=(1, 4, 8), seeds=2, noise=(0.0, 0.25))
    techniques = [technique("mean-difference", layers=(1, 2)), technique("logistic", layers=(2,))]
    result = run_efficiency(study, llama, kindness, techniques, folder=tmp_path / "a")
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    curves = {(c["technique"], c["noise"]): c for c in value["curves"]}
    assert [p["size"] for p in curves["mean-difference", 0.0]["points"]] == [1, 4, 8]
    assert [p["size"] for p in curves["logistic", 0.25]["points"]][-1] == 8
    frame = result.frame()
    rows = [r["effect"] for r in frame if (r["technique"], r["n"], r["noise"]) == ("mean-difference", 8, 0.0)]
    assert curves["mean-difference", 0.0]["points"][2]["value"] == pytest.approx(np.mean(rows))

    class Stop(Exception):
        pass

    count = 0

    def stop(_what, _done):
        nonlocal count
        count += 1
        if count == 5:
            raise Stop

    with pytest.raises(Stop):
        run_efficiency(study, llama, kindness, techniques, folder=tmp_path / "b", advance=stop)
    again = run_efficiency(study, llama, kindness, techniques, folder=tmp_path / "b")
    assert result.frame() == again.frame()
    kept = {f"{name} n={n} seed 0{flipped}" for name in ("mean-difference", "logistic") for n in (1, 4, 8)
            for flipped in ("", " 25% flipped")}  # fmt: skip
    assert set(result.vectors) <= kept
    assert {"mean-difference n=8 seed 0", "logistic n=8 seed 0 25% flipped"} <= set(result.vectors)
    assert {role: of.fingerprint for role, of in again.vectors.items()} == {
        role: of.fingerprint for role, of in result.vectors.items()
    }
    done = [json.loads(line)["what"] for line in (tmp_path / "b" / "ledger.jsonl").read_text().splitlines()]
    assert len(done) == len(set(done))


def test_sizes_beyond_the_data_are_refused(llama, kindness, tmp_path):
    with pytest.raises(StudyError, match="cannot be drawn"):
        run_efficiency(Efficiency("kindness", sizes=(4, 500)), llama, kindness, [], folder=tmp_path)


def test_a_baseline_that_the_data_cannot_serve_is_refused_before_anything_is_fitted(llama, kindness, tmp_path):
    begun = []
    techniques = [technique("mean-difference"), technique("system-prompt")]
    with pytest.raises(DataError, match="No system prompt asks for kindness"):
        run_efficiency(Efficiency("kindness"), llama, kindness, techniques, folder=tmp_path, on_step=begun.append)
    assert not begun
