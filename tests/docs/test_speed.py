"""The speeds and costs that pages tell are those of the benchmark's record."""

import json

from tests.docs.conftest import DOCS, ROOT

RECORD = json.loads((ROOT / "benchmarks/results/vllm.json").read_text())
NEW = 64 * 64
"""Tokens that each row of the record stands for."""


def speeds():
    """Lines of the table of speeds: processor seconds, tokens for each, and what that is to the fastest row."""
    spent = {row["name"]: row["cpu"][0] for row in RECORD["rows"]}
    fastest = spent["vllm, 64 together, a vector each"]
    return [
        f"| {name} | {seconds:.0f} | {NEW / seconds:.0f} | {seconds / fastest:.1f} |" for name, seconds in spent.items()
    ]


def costs():
    """Lines of the table of costs, in milliseconds, and what of a stage they do not explain."""
    lines = []
    for stage, of in RECORD["costs"].items():
        parts = ", ".join(f"{cost:.2g} {WORDS[cause]}" for cause, cost in of.items() if cause in WORDS and cost)
        lines.append(f"| {stage} | {RECORD['stages'][stage]:.2f} | {parts} | {of['share unexplained']:.0%} |")
    return lines


WORDS = {
    "each pass": "a pass", "read": "a token of a prompt", "written": "a new token", "attended": "a token looked back at",
    "requests": "a request", "edited": "an edited row", "vectors": "a vector",
}  # fmt: skip


def test_speeds():
    assert RECORD["title"].startswith("64 prompts")
    page = (DOCS / "how-to/vllm.md").read_text()
    assert [line for line in speeds() if line not in page] == []


def test_costs():
    page = (DOCS / "explanation/serving.md").read_text()
    assert [line for line in costs() if line not in page] == []
