"""Vectors that have no effect for a known reason, and one that has an effect: what is named."""

import re

import pytest
from tests.docs.conftest import DOCS
from tests.support.command import steerstack

from steerstack.errors import DataError, SiteError
from steerstack.steering.vector import random_like
from steerstack.study.why.diagnosis import why
from steerstack.study.why.look import CAUSES, Look
from steerstack.testing.seeded_faults import FAULTS, healthy


def test_nothing_is_amiss_with_a_vector_that_acts():
    diagnosis = why(**healthy())
    assert diagnosis.cause is None
    assert diagnosis.measured is not None
    assert diagnosis.measured.effect.ci_low > 3 > max(map(abs, diagnosis.measured.nulls))
    assert diagnosis.to_json()["cause"] is None
    assert repr(diagnosis) == f"<Diagnosis: nothing amiss, after {len(diagnosis.looks)} looks>"


@pytest.mark.parametrize("name", FAULTS)
def test_every_seeded_fault_is_named(name):
    fault = FAULTS[name]
    diagnosis = why(**fault.arguments())
    assert diagnosis.cause == fault.cause, diagnosis.looks[-1].found
    assert all(not look.cause for look in diagnosis.looks[:-1])
    assert diagnosis.looks[-1].do
    value = diagnosis.to_json()
    assert (value["cause"], value["means"]) == (fault.cause, CAUSES[fault.cause])


def test_the_list_of_faults_is_long_enough_and_stands_in_the_documentation():
    assert len(FAULTS) >= 20
    page = (DOCS / "how-to" / "troubleshoot.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| `([^`]+)` \|$", page, re.MULTILINE)
    assert rows == [(fault.what, fault.cause) for fault in FAULTS.values()]
    causes = dict(re.findall(r"^- \*\*([^*]+)\*\*: (.*)$", page, re.MULTILINE))
    assert causes == CAUSES
    assert list(causes) == list(CAUSES)


def variant(**parts):
    return {**healthy(), **parts}


def test_a_reversed_vector_at_a_negative_scale_acts():
    assert why(**variant(vector=-healthy()["vector"], scale=-1.0)).cause is None


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"scale": 0.002}, "too weak"),
        ({"scale": -0.3}, "sign"),
        ({"scale": 300.0, "layer": 2}, "too strong"),
        ({"tokens": "0,1,2"}, "not decoded"),
        ({"layer": (1, 2)}, None),
        ({"vector": random_like(healthy()["vector"], 11)}, "another direction"),
    ],
    ids=str,
)
def test_other_uses_are_told_apart_too(parts, cause):
    assert why(**variant(**parts)).cause == cause


def test_a_vector_of_unknown_weights_is_looked_at_all_the_same():
    from steerstack.steering.origin import Origin

    vector = healthy()["vector"]
    unknown = type(vector)(vector.directions, origin=Origin())
    first, *_ = why(**variant(vector=unknown, scale=0.0)).looks
    assert first.cause == ""
    assert "does not say" in first.found


def test_what_does_not_exist_is_refused():
    with pytest.raises(DataError, match="scoring mode"):
        why(**variant(mode="txt"))
    with pytest.raises(SiteError, match="token selection"):
        why(**variant(tokens="everything"))
    with pytest.raises(ValueError, match="no declared cause"):
        Look("sign", "It is odd.", "odd")


@pytest.fixture
def made(tiny_folder, table, tmp_path):
    steerstack("extract", "--model", tiny_folder, "--data", table, "--out", tmp_path / "v.safetensors")
    return "--model", tiny_folder, "--data", table, "--vector", tmp_path / "v.safetensors"


def test_the_command_names_the_cause_and_fails(made):
    process = steerstack("doctor", "--why", *made, "--layer", 2, "--scale", 0, check=False)
    assert process.returncode == 1
    assert "cause: scale 0. The scale is 0, which is the unsteered model." in process.stdout
    assert "do: Give a scale" in process.stdout


def test_the_command_writes_json(made, tmp_path):
    import json

    process = steerstack("doctor", "--why", *made, "--layer", 9, "--json", check=False)
    value = json.loads(process.stdout)
    assert value["cause"] == "no such layer"
    assert [look["what"] for look in value["looks"]] == ["fit", "layer"]


def test_the_command_asks_for_what_it_needs(made):
    assert "--vector FILE and --data FILE" in steerstack("doctor", "--why", check=False).stderr
    assert "Add --why" in steerstack("doctor", *made, check=False).stderr
