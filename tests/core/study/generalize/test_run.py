"""Generalisation: transfer tables against plain means, and the vectors that were measured."""

import json

import numpy as np
import pytest
from tests.support.answers import held_to_its_frame

from steerstack import Generalize
from steerstack.catalog.data import load_data
from steerstack.measure.arm import Arm
from steerstack.steering.tokens import Tokens
from steerstack.study.fit_step import values_of
from steerstack.study.generalize import domains
from steerstack.techniques.apply import apply_all


@pytest.fixture
def kindness(table):
    return load_data(table, behavior="kindness")


def test_the_study_states_transfer_both_ways(llama, kindness, tmp_path):
    names = ("mean-difference", "pca", "lda", "logistic")
    study = Generalize(data="kindness", techniques=names, layers=(1, 2), nulls=False)
    result = study.run(llama, data=kindness, folder=tmp_path)
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    assert [t["technique"] for t in value["transfers"]] == list(names)
    rows = [
        r["effect"] for r in result.rows() if (r["technique"], r["trained"], r["tested"]) == ("pca", "easy", "hard")
    ]
    transfer = next(t for t in value["transfers"] if t["technique"] == "pca")
    assert transfer["across"]["value"] == pytest.approx(np.mean(rows))
    assert transfer["anti_steerable_share"] == pytest.approx(np.mean(np.array(rows) < 0))
    assert value["correlation"]["n"] == 4
    held_to_its_frame(result, tmp_path)


def test_the_vectors_kept_are_those_that_were_measured(llama, kindness, tmp_path):
    study = Generalize(data="kindness", techniques=("pca",), layers=(1, 2))
    result = study.run(llama, data=kindness, folder=tmp_path)
    parts = domains.by_hardness(llama, kindness, "margin", "text")
    assert set(result.vectors) == {"pca trained on easy", "pca trained on hard"}  # nulls are nobody's to keep
    for domain in ("easy", "hard"):
        vector, fit = result.vectors[f"pca trained on {domain}"], result.fits["pca", domain]
        assert vector.origin.data_digest == result.domains[domain].train.digest
        assert {item.id for item in result.domains[domain].train} <= {item.id for item in parts[domain]}
        plan = apply_all(vector, fit.record["layers"], fit.record["scale"], tokens=Tokens.parse("response"))
        values = values_of(Arm(llama, plan), result.domains["hard"].test, "text")
        assert values == pytest.approx(fit.values["hard"], abs=1e-5)
