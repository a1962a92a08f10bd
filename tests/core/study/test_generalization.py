"""Generalisation: transfer tables against plain means, domains, and the supervision gap."""

import json
from dataclasses import replace

import numpy as np
import pytest

from steerstack import catalog
from steerstack.applying import apply_all
from steerstack.errors import StudyError
from steerstack.study import domains
from steerstack.study.fitted_step import values_of
from steerstack.study.generalization import Generalization, ratio, run_generalization
from steerstack.study.techniques import Condition, technique
from steerstack.study.unrelated import null_techniques
from steerstack.tokens import Tokens


@pytest.fixture
def kindness(table):
    return catalog.load_data(table, behavior="kindness")


def test_margins_part_the_items_at_the_median(llama, kindness):
    parts = domains.by_margin(llama, kindness, "text")
    assert {name: len(part) for name, part in parts.items()} == {"easy": 15, "hard": 15}
    assert not {i.id for i in parts["easy"]} & {i.id for i in parts["hard"]}


def test_a_system_prompt_is_a_domain_of_its_own(kindness):
    parts = domains.by_system(kindness, "Be brief.")
    assert all(item.system == "Be brief." for item in parts["prompted"])
    assert len(parts["bare"]) == len(parts["prompted"])


def test_words_of_the_user_are_a_domain_of_their_own(kindness):
    parts = domains.by_user(kindness, "I am tired.")
    assert all(item.question.startswith("I am tired.\n\n") for item in parts["prompted"])
    assert [item.options for item in parts["bare"]] == [item.options for item in parts["prompted"]]


def test_a_difficulty_parts_the_items_at_a_number(kindness):
    graded = kindness.take(tuple(replace(item, topic=str(place % 3 + 1)) for place, item in enumerate(kindness)))
    parts = domains.by_number(graded, 2)
    assert {item.topic for item in parts["hard"]} == {"3"}
    assert {item.topic for item in parts["easy"]} == {"1", "2"}
    with pytest.raises(StudyError, match="no numbers"):
        domains.by_number(kindness.take(tuple(replace(item, topic="grade nine") for item in kindness)), 2)


def test_an_unknown_topic_is_refused(kindness):
    with pytest.raises(StudyError, match="no topic 'grade 9'"):
        domains.by_topic(kindness, ("grade 9",))


def test_the_gap_recovered_is_the_ratio_of_means_and_needs_something_to_recover():
    rng = np.random.default_rng(0)
    within = rng.normal(0.5, 0.1, 40)
    found = ratio(within * 0.6, within)
    assert found.value == pytest.approx(0.6)
    assert found.ci_low == pytest.approx(0.6)  # the same items in both
    assert ratio(within, rng.normal(0, 1, 40)) is None


def test_the_study_states_transfer_both_ways(llama, kindness, tmp_path):
    parts = domains.by_margin(llama, kindness, "text")
    names = ["mean-difference", "pca", "lda", "logistic"]
    techniques = [technique(name, layers=(1, 2)) for name in names]
    result = run_generalization(Generalization("kindness"), llama, parts, techniques, folder=tmp_path)
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    assert [t["technique"] for t in value["transfers"]] == names
    rows = [
        r["effect"] for r in result.frame() if (r["technique"], r["trained"], r["tested"]) == ("pca", "easy", "hard")
    ]
    transfer = next(t for t in value["transfers"] if t["technique"] == "pca")
    assert transfer["across"]["value"] == pytest.approx(np.mean(rows))
    assert transfer["anti_steerable_share"] == pytest.approx(np.mean(np.array(rows) < 0))
    assert value["correlation"]["n"] == 4


def test_the_vectors_kept_are_those_that_were_measured(llama, kindness, tmp_path):
    parts = domains.by_margin(llama, kindness, "text")
    techniques = [technique("pca", layers=(1, 2)), *null_techniques("kindness", layers=(1, 2))]
    result = run_generalization(Generalization("kindness"), llama, parts, techniques, folder=tmp_path)
    assert set(result.vectors) == {"pca trained on easy", "pca trained on hard"}  # nulls are nobody's to keep
    for domain in ("easy", "hard"):
        vector, fit = result.vectors[f"pca trained on {domain}"], result.fits["pca", domain]
        assert vector.origin.data_digest == result.domains[domain].train.digest
        plan = apply_all(vector, fit.record["layers"], fit.record["scale"], tokens=Tokens.parse("response"))
        found = values_of(Condition(llama, plan), result.domains["hard"].test, "text")
        assert found == pytest.approx(fit.values["hard"])
