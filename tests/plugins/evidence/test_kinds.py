"""A claim of any kind of study that answers from its items has a page, which is stale once a digit changes."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from steerstack_plugins.evidence.claim_folder import Finding
from steerstack_plugins.evidence.programme import load_programme
from steerstack_plugins.evidence.run import findings, results_of, stale_pages, write_pages

ITEMS = [f"item {place}" for place in range(24)]
COMMON = {"data": "kindness", "techniques": ["mean-difference", "logistic"], "layers": [1], "nulls": 0, "seeds": 2}
STUDIES = {
    "efficiency": {**COMMON, "sizes": [4, 8]},
    "label-errors": {**COMMON, "labellers": ["random-flips"], "noise": [0.25]},
    "generalize": {key: value for key, value in COMMON.items() if key != "seeds"},
    "online-rl": {**COMMON, "learners": ["vector-grpo", "grpo"], "techniques": ["mean-difference"]},
}


def arms(kind):
    """Every arm of a study with the mean effect that it has here."""
    learnt = {"mean-difference": 0.6, "logistic": 0.3}
    if kind == "efficiency":
        for name, mean in learnt.items():
            for n in (4, 8):
                yield from (({"technique": name, "noise": 0.0, "n": n, "seed": s}, mean * n / 8) for s in (0, 1))
    elif kind == "label-errors":
        for name, mean in learnt.items():
            for by, noise in (("true labels", 0.0), ("random-flips", 0.25)):
                about = {"technique": name, "labeller": by, "noise": noise, "n": 8, "wrong": round(8 * noise)}
                yield from (({**about, "seed": seed, "errs": False}, mean * (1 - noise)) for seed in (0, 1))
    elif kind == "generalize":
        for name, mean in learnt.items():
            for trained in ("easy", "hard"):
                yield from (({"technique": name, "trained": trained, "tested": on}, mean) for on in ("easy", "hard"))
    else:
        for name, mean in {"vector-grpo": 0.5, "grpo": 0.02, "mean-difference": 0.0}.items():
            about = {"technique": name, "learner": "", "vector": "none", "unchanged": False, "on": "test"}
            yield from (({**about, "seed": seed}, mean) for seed in (0, 1))


def frame(kind):
    """Items with a little noise around each arm's mean."""
    random = np.random.default_rng(0)
    rows = []
    for about, mean in arms(kind):
        for item in ITEMS:
            effect = mean + random.normal(scale=0.05)
            rows.append({**about, "item": item, "log_odds": effect - 1, "effect": effect, "reward_gain": effect})
    return pd.DataFrame(rows)


@pytest.fixture(params=STUDIES)
def finding(request, tmp_path):
    """A claim of one kind, and pages beside the finding that its frame makes: the claim's programme, and its pages."""
    kind = request.param
    study = {"study": kind, **STUDIES[kind]}
    claim = {"title": f"Kindness by {kind}, a model", "question": "Does it?", "expectation": "No.", "because": "So.",
             "minutes": 1, "study": study}  # fmt: skip
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "one.yaml").write_text(yaml.safe_dump(claim), encoding="utf-8")
    claims, pages = load_programme(tmp_path / "claims"), tmp_path / "pages"
    folder = results_of(pages, "one")
    folder.mkdir(parents=True)
    frame(kind).to_parquet(folder / "items.parquet")
    tested = ("easy", "hard") if kind == "generalize" else ("test",)
    declared = claims["one"].declared("one")
    run = {
        "claim_digest": claims["one"].digest, "study": declared.to_json(), "behavior": "kindness", "model": "tiny",
        "model_fingerprint": "0123456789abcdef", "data_digest": "0123456789abcdef", "clusters": dict.fromkeys(tested),
        "warnings": [], "leaks": {}, "seconds": 30, "version": "0",
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")
    write_pages(claims, pages)
    return claims, pages


def test_the_page_says_what_the_study_says_and_shows_it(finding):
    claims, pages = finding
    answer = findings(claims, pages)["one"].answer
    page, index = ((pages / name).read_text(encoding="utf-8") for name in ("one.md", "index.md"))
    assert f"**{answer.verdict}**" in page
    assert answer.would_change in page
    assert "steerstack evidence run --only one --fresh" in page
    assert "](one.svg)" in page
    assert "n = 24" in (pages / "one.svg").read_text(encoding="utf-8")
    for table in answer.tables:
        assert all(f"| {' | '.join(row)} |" in page for row in table.rows)
    assert "1 of 1 declared claims were measured" in index
    about = claims["one"].title.split(",")[0]
    if answer.resolved:
        assert f"- {about}: {answer.short}" in index
    else:
        (line,) = (line for line in index.splitlines() if line.startswith("- Nothing is resolved of these"))
        assert about.lower() in line
    assert answer.lead


def test_a_changed_digit_of_the_frame_makes_the_page_stale(finding):
    claims, pages = finding
    assert stale_pages(claims, pages) == []
    table = results_of(pages, "one") / "items.parquet"
    changed = pd.read_parquet(table)
    changed.loc[0, ["effect", "reward_gain"]] += 0.1
    changed.to_parquet(table)
    assert pages / "one.md" in stale_pages(claims, pages)


def test_a_changed_digit_of_a_page_makes_it_stale(finding):
    claims, pages = finding
    for name in ("one.md", "index.md"):
        text = (pages / name).read_text(encoding="utf-8")
        digits = [place for place, letter in enumerate(text) if letter.isdigit()]
        place = digits[len(digits) // 2]
        other = str((int(text[place]) + 1) % 10)
        (pages / name).write_text(text[:place] + other + text[place + 1 :], encoding="utf-8")
        assert stale_pages(claims, pages) == [pages / name]
        (pages / name).write_text(text, encoding="utf-8")


def test_what_stands_out_is_said(finding):
    claims, pages = finding
    said = Finding.read(results_of(pages, "one")).answer.verdict
    kind = claims["one"].study["study"]
    assert {
        "efficiency": "takes 10 seeds and there were 2",
        "label-errors": "mean-difference with 25% of its labels wrong by random-flips",
        "generalize": "mean-difference, trained on easy, moves hard by",
        "online-rl": "vector-grpo raises the mean reward",
    }[kind] in said
    assert "39 of each family" in said  # without nulls nothing is claimed of a vector
