"""The pages of a programme, as Markdown: pure functions of claims and findings, so that a test can hold them to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.study.null_test import LEAST
from steerstack_plugins.evidence.paper_tables import paper_tables_line
from steerstack_plugins.evidence.programme import subjects
from steerstack_plugins.evidence.summary import summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack.report.answer import Answer
    from steerstack.report.page import Table
    from steerstack.report.plot import Plot
    from steerstack_plugins.evidence.claim_folder import Finding
    from steerstack_plugins.evidence.programme import DeclaredClaim

_HOW = """Every claim is a file that says what its authors expect, and why, and that was written before anything was
measured. Layer, strength and prompt are declared beforehand or chosen on validation items; no choice rests on test
items. The nulls are directions that know nothing of the behaviour and go through the same choices. A claim at the 5 %
level needs {least} nulls of each family and an interval that excludes zero. Effects are differences in log-odds of the
exhibiting answer, in nats per token where answers are compared by their own words, on the same items.
`steerstack evidence build` computes every number and sentence here anew from the items, and a test fails when one of
them is stale."""

_LIMITS = """## What you cannot conclude

- The models are small: what holds on them need not hold on a model of a hundred times the size.
- SmolLM2 answers letters by position, so answers are compared by the probability of their own words. A vector that
  moves these need not move what the model says.
- The larger models, Qwen2.5-Coder-Instruct of 0.5 and 1.5 billion weights, are models for code out of 4-bit files
  (Q4_K_M), computed in float32: their numbers are not those of the published weights, and their claims rest on fewer
  items and nulls. Three sizes of two families are no trend.
- All items are in English, and each set stands for one understanding of its behaviour.
- Each claim stands on one split of its items, and a claim of a vector alone on one seed: there the interval covers
  other items of the same kind, not other runs of the training. Where a study has several seeds it covers both."""


def claim_page(name: str, claim: DeclaredClaim, finding: Finding) -> str:
    """The page of one claim.

    Parameters
    ----------
    name:
        The stem of its file.
    claim, finding:
        What was declared, and what came out.
    """
    run, of = finding.run, finding.answer
    lines = [
        f"# {claim.title}", "", claim.question, "", f"**{of.verdict}**", "",
        f"Expected beforehand: {claim.expectation} Because: {claim.because}", "",
        *(line for file, plot in figures_of(name, of).items() for line in _drawn(file, plot)),
        *(line for table in of.tables if table.rows for line in _tabled(table)),
        *(["## What the run warned of", "", *(f"- {one}" for one in run["warnings"]), ""] if run["warnings"] else []),
        "## What would change the verdict", "", of.would_change, "",
        "## Run it again", "", "```bash", f"steerstack evidence run --only {name} --fresh", "```", "",
        f"Measured on `{run['model']}` ({run['model_fingerprint'][:12]}) with data {run['data_digest'][:12]}, "
        f"in {_minutes(run['seconds'])} (planned: {claim.minutes:g}), by steerstack {run['version']}. "
        f"The study: `examples/evidence/{name}.yaml`. "
        f"Items: `results/{name}/items.parquet`; the whole account: `results/{name}/run.json`.", "",
    ]  # fmt: skip
    for name_of_data, leak in run["leaks"].items():
        these = "these data" if len(run["leaks"]) == 1 else name_of_data
        lines += [f"In {these} {leak['text'].removeprefix('words: ')}.", ""]
    return "\n".join(lines)


def figures_of(name: str, answer: Answer) -> dict[str, Plot]:
    """The figures of a claim by their files: the main one has the claim's name alone."""
    files = (f"{name}-{plot.name}.svg" if place else f"{name}.svg" for place, plot in enumerate(answer.plots))
    return dict(zip(files, answer.plots, strict=True))


def _drawn(file: str, plot: Plot) -> list[str]:
    return [f"![{plot.title}]({file})", "", *([plot.caption, ""] if plot.caption else [])]


def _tabled(table: Table) -> list[str]:
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    note = [table.note, ""] if table.note else []
    return [f"## {table.title}", "", *(f"| {' | '.join(row)} |" for row in rows), "", *note]


def index_page(claims: Mapping[str, DeclaredClaim], answers: Mapping[str, Answer]) -> str:
    """The first page: the answer of every claim, those that were not run among them."""
    about = subjects(claims)
    short = {about[name]: of for name, of in answers.items()}
    lines = [
        "# The evidence", "",
        "What do steering vectors improve, measured? In short, with 95 % intervals, and effects in nats per token "
        "where no other unit is named:", "",
        *(f"- {line}" for line in [*summary(short, len(claims)), paper_tables_line(short)]), "",
        "## Claim by claim", "",
    ]  # fmt: skip
    for name, claim in claims.items():
        if name in answers:
            lines.append(f"- [{claim.title}]({name}.md): {answers[name].verdict}")
        else:
            lines.append(f"- {claim.title}: not run yet. Expected: {claim.expectation}")
    toc = ["```{toctree}", ":hidden:", "", *[name for name in claims if name in answers], "published", "```"]
    return "\n".join([*lines, "", _HOW.format(least=LEAST), "", _LIMITS, "", *toc, ""])


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
