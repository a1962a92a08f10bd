"""Pages come from the items alone, say what the study said, and are stale once a digit changes."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from tests.support.command import steerstack

from steerstack_plugins.evidence.claim_folder import Finding
from steerstack_plugins.evidence.programme import load_programme
from steerstack_plugins.evidence.run import findings, results_of, stale_pages, status, write_pages


@pytest.fixture
def pages(measured, tmp_path):
    """A copy of the finding that a test may change."""
    return shutil.copytree(measured, tmp_path / "pages")


def test_the_answer_is_computed_from_the_items_and_agrees_with_the_study(measured):
    finding = Finding.read(results_of(measured, "tiny"))
    of = finding.answer
    arms = finding.frame[finding.frame["finetune"] == "none"].set_index("item")
    bare = arms[(arms["vector"] == "none") & (arms["prompt"] == "none")].query("vector_origin == 'transferred'")
    steered = arms[(arms["vector"] == "positive") & (arms["prompt"] == "none")].query("vector_origin == 'transferred'")
    alone = next(row for row in of.rows if row.label == "base, vector +")
    assert alone.effect.value == pytest.approx(np.mean(steered["log_odds"] - bare["log_odds"]))
    recorded = {one["name"]: one for one in finding.run["effects"]}
    names = {"base, vector +": "effect/alone", "base, vector -": "effect/vector-negative", "base, prompt +": "effect/prompt-positive",
             "base, prompt +, vector +": "effect/prompt-positive+vector-positive"}  # fmt: skip
    for row in of.rows:
        if row.label in names:
            record = recorded[names.pop(row.label)]
            assert (record["value"], record["ci_low"], record["n"]) == pytest.approx(
                (row.effect.value, row.effect.ci_low, row.effect.n)
            )
    assert not names
    assert {family: len(nulls) for family, nulls in of.test.nulls.items()} == {"random": 2, "shuffled labels": 2}
    assert not of.resolved
    assert of.sentences[0] in finding.run["card"]  # which holds the study's own verdict
    assert of.combined
    for one in of.combined:
        assert one.sentence in finding.run["card"]


def test_pages_are_built_without_a_model_and_a_changed_digit_makes_them_stale(programme, pages):
    claims = load_programme(programme)
    assert stale_pages(claims, pages)
    paths = write_pages(claims, pages)
    assert {path.name for path in paths} == {"index.md", "published.md", "tiny.md", "tiny.svg"}
    assert findings(claims, pages)["tiny"].answer.verdict in (pages / "tiny.md").read_text(encoding="utf-8")
    assert not stale_pages(claims, pages)
    table = results_of(pages, "tiny") / "items.parquet"
    frame = pd.read_parquet(table)
    steered = (frame["vector"] == "positive") & (frame["prompt"] == "none")
    frame.loc[frame.index[steered][0], "log_odds"] += 0.01
    frame.to_parquet(table)
    assert {path.name for path in stale_pages(claims, pages)} == {"index.md", "published.md", "tiny.md"}


def test_what_every_data_set_gives_away_is_told(programme, pages):
    path = results_of(pages, "tiny") / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    leak = next(iter(run["leaks"].values()))
    run["leaks"] = {"its training data": leak, "its test data": {**leak, "text": "words: a classifier knows all"}}
    path.write_text(json.dumps(run), encoding="utf-8")
    write_pages(load_programme(programme), pages)
    page = (pages / "tiny.md").read_text(encoding="utf-8")
    assert "In its training data a classifier that sees" in page
    assert "In its test data a classifier knows all." in page


def test_a_claim_that_is_declared_anew_is_to_be_run_again(programme, pages, tmp_path):
    claims = load_programme(programme)
    assert [one.state for one in status(claims, pages)] == ["run"]
    text = (programme / "tiny.yaml").read_text(encoding="utf-8")
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "tiny.yaml").write_text(text.replace("limit: 60", "limit: 61"), encoding="utf-8")
    anew = load_programme(tmp_path / "claims")
    assert [one.state for one in status(anew, pages)] == ["declared anew since"]
    assert findings(anew, pages) == {}


def test_the_commands(programme, pages, tmp_path):
    where = ("--claims", programme, "--pages", pages)
    listed = json.loads(steerstack("evidence", "status", *where, "--json", "-").stdout)
    assert [(one["name"], one["state"]) for one in listed] == [("tiny", "run")]
    again = steerstack("evidence", "run", *where)
    assert "measured already" in again.stderr
    refused = steerstack("evidence", "build", *where, "--check", check=False)
    assert refused.returncode == 1
    assert "steerstack evidence build" in refused.stderr
    steerstack("evidence", "build", *where)
    steerstack("evidence", "build", *where, "--check")
    misspelt = steerstack("evidence", "run", *where, "--only", "tinny", check=False)
    assert misspelt.returncode == 1
    assert "tiny" in misspelt.stderr
    store = f"sqlite:///{tmp_path / 'store.db'}"
    recorded = steerstack("evidence", "registry", *where, "--tracking-uri", store)
    assert "tiny: models:/" in recorded.stdout
