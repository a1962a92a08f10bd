"""The pages of evidence say what their items say, to the last digit."""

from functools import cache
from pathlib import Path

import pytest

from steerstack.study.null_test import shown
from steerstack.study.stack.answer import StackAnswer
from steerstack_plugins.evidence.programme import load_programme
from steerstack_plugins.evidence.run import findings, stale_pages
from steerstack_plugins.evidence.summary import holm

ROOT = Path(__file__).parents[2]
CLAIMS, PAGES = ROOT / "examples" / "evidence", ROOT / "docs" / "evidence"


@cache
def answers():
    """The answer of each claim, by name."""
    return {name: finding.answer for name, finding in findings(load_programme(CLAIMS), PAGES).items()}


def alone():
    """The answers of the claims of a vector alone that have nulls enough, by name."""
    return {name: of for name, of in answers().items() if isinstance(of, StackAnswer) and of.test.enough}


def test_no_page_is_stale():
    assert stale_pages(load_programme(CLAIMS), PAGES) == []


def test_every_finding_belongs_to_a_claim_as_it_is_declared():
    claims = load_programme(CLAIMS)
    names = {path.parent.name for path in PAGES.glob("results/*/run.json")}
    assert names == set(findings(claims, PAGES))


def test_findings_are_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in PAGES.rglob("*") if path.is_file()) < 20_000_000


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/tutorial/demo.md"])
def test_pages_that_lead_with_it_say_what_was_found(page):
    words = " ".join((ROOT / page).read_text("utf-8").split())
    for answer in alone().values():
        assert str(answer.alone) in words
        assert f"{answer.alone.n} locked" in words


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_pages_correct_for_the_number_of_claims(page):
    claims = alone()
    words = " ".join((ROOT / page).read_text("utf-8").split())
    moved = [name for name, of in claims.items() if of.resolved]
    assert f"{['none', 'one', 'two', 'three', 'four', 'five'][len(moved)]} of five behaviours" in words
    for name in moved:
        assert f"corrected for the five claims p = {shown(float(holm(claims)[name]['p_corrected']))}" in words


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_pages_say_what_is_left_on_top_of_prompts_and_fine_tunes(page):
    words = " ".join((ROOT / page).read_text("utf-8").split())
    wanted = {
        "hallucination-smollm2": ["a positive prompt"],
        "hallucination-fine-tunes-smollm2": ["lora-sft (transferred)", "dpo (transferred)"],
    }
    for name, others in wanted.items():
        adds = {one.other: one.adds for one in answers()[name].combined}
        assert all(f"adds {adds[other]}" in words or f"{adds[other]} to" in words for other in others)
