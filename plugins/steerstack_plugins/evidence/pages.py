"""The pages of a programme, as Markdown: pure functions of claims and findings, so that a test can hold them to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.study.null_test import LEAST
from steerstack_plugins.evidence.summary import summary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steerstack_plugins.evidence.claim_folder import Finding
    from steerstack_plugins.evidence.programme import DeclaredClaim
    from steerstack_plugins.evidence.stack_answer import StackAnswer

_HOW = """Every claim is a file that says what its authors expect, and why, and that was written before anything was
measured. Layer, strength and prompt are chosen on validation items; the test items are read once. The nulls are
directions that know nothing of the behaviour and go through the same choices. A claim at the 5 % level needs {least}
nulls of each family and an interval that excludes zero. Effects are differences in log-odds of the exhibiting answer,
in nats per token, on the same items. `steerstack evidence build` computes every number and sentence here anew from
the items, and a test fails when one of them is stale."""

_LIMITS = """## What you cannot conclude

- The models are small: what holds on them need not hold on a model of a hundred times the size.
- SmolLM2 answers letters by position, so answers are compared by the probability of their own words. A vector that
  moves these need not move what the model says.
- All items are in English, and each set stands for one understanding of its behaviour.
- One seed and one split a claim: the interval covers other items of the same kind, not other runs of the training."""


def claim_page(name: str, claim: DeclaredClaim, finding: Finding, of: StackAnswer) -> str:
    """The page of one claim.

    Parameters
    ----------
    name:
        The stem of its file.
    claim, finding, of:
        What was declared, what came out, and what that says.
    """
    run = finding.run
    arms = [f"| {row.label} | {row.effect} | {row.effect.n} |" for row in of.rows]
    rows = [f"| {one.other} | {one.adds} | {one.kept or 'not known'} | {one.verdict} |" for one in of.combined]
    lines = [
        f"# {claim.title}", "", claim.question, "", f"**{of.sentence}**", "",
        f"Expected beforehand: {claim.expectation} Because: {claim.because}", "",
        f"![Effects with 95 % intervals, beside the nulls]({name}.svg)", "",
        f"Each grey point is one null, on the test items that all nulls share; the mark beside them is the vector on "
        f"these items ({of.test.effect:+.3f}).", "",
        "## Every arm beside the bare model", "",
        "| arm | effect and 95 % interval (nats per token) | n |", "|---|---|---|", *arms, "",
    ]  # fmt: skip
    if rows:
        lines += ["## On top of the rest", "",
                  "| on top of | what the vector adds | share of its effect alone | verdict |", "|---|---|---|---|",
                  *rows, ""]  # fmt: skip
    lines += [
        "## What would change the verdict", "", _what_would_change(of), "",
        "## Run it again", "", "```bash", f"steerstack evidence run --only {name} --fresh", "```", "",
        f"Measured on `{run['model']}` ({run['model_fingerprint'][:12]}) with data {run['data_digest'][:12]}, "
        f"in {_minutes(run['seconds'])} (planned: {claim.minutes:g}), by steerstack {run['version']}. "
        f"Items: `results/{name}/items.parquet`; the whole account: `results/{name}/run.json`.", "",
    ]  # fmt: skip
    for name_of_data, leak in run["leaks"].items():
        these = "these data" if len(run["leaks"]) == 1 else name_of_data
        lines += [f"In {these} {leak['text'].removeprefix('words: ')}.", ""]
    return "\n".join(lines)


def index_page(claims: Mapping[str, DeclaredClaim], answers: Mapping[str, StackAnswer]) -> str:
    """The first page: the answer of every claim, those that were not run among them."""
    short = {claims[name].title.split(",")[0].lower(): of for name, of in answers.items()}
    lines = [
        "# The evidence", "",
        "What do steering vectors improve, measured? In short, with effects in nats per token and 95 % intervals:", "",
        *(f"- {line}" for line in summary(short, len(claims))), "",
        "## Claim by claim", "",
    ]  # fmt: skip
    for name, claim in claims.items():
        if name in answers:
            lines.append(f"- [{claim.title}]({name}.md): {answers[name].sentence}")
        else:
            lines.append(f"- {claim.title}: not run yet. Expected: {claim.expectation}")
    toc = ["```{toctree}", ":hidden:", "", *[name for name in claims if name in answers], "```"]
    return "\n".join([*lines, "", _HOW.format(least=LEAST), "", _LIMITS, "", *toc, ""])


def _what_would_change(of: StackAnswer) -> str:
    if of.resolved:
        return ("An interval that reaches zero on other items of the same kind, a null that does as much, or a model "
                "on which another layer is chosen and the effect is gone.")  # fmt: skip
    smallest = min((len(nulls) for nulls in of.test.nulls.values()), default=0)
    more = "" if smallest >= LEAST else f" With {smallest} nulls of a family no effect of any size could be claimed."
    return f"More items, where the interval is wide; a stronger or better vector, where the nulls do as much.{more}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
