"""``steerstack run``, ``efficiency`` and ``generalize``: studies from files and from options."""

from pathlib import Path
from typing import Any

import typer

from steerstack.cli import console

TECHNIQUES = typer.Option(..., help="Extractors and baselines, by commas: mean-difference,logistic,lora-sft.")
REPORT = typer.Option(None, help="Where to write the HTML report.")
PLAN_ONLY = typer.Option(False, help="Say what would be run, how long it takes and what it can resolve; run nothing.")
JSON = typer.Option(None, "--json", help="Write the result as JSON; - prints it.")
FRESH = typer.Option(False, help="Start anew rather than go on with an earlier run.")
RECORD = typer.Option(True, help="Keep the result in the registry.")


def run(
    file: Path = typer.Argument(help="Study file (YAML); see examples/studies."),
    plan_only: bool = PLAN_ONLY,
    fresh: bool = FRESH,
    report: str | None = REPORT,
    record: bool = RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = JSON,
) -> None:
    """Run the study that a file declares: sweep, stack, efficiency or generalize. Resumes after a kill."""
    console.quiet()
    from steerstack.cli.performing import Outputs, perform
    from steerstack.study.declared import load_study

    perform(load_study(file), Outputs(plan_only, fresh, report, record, tracking_uri, json))


def efficiency(
    data: str = console.DATA,
    techniques: str = TECHNIQUES,
    sizes: str = typer.Option("4,16,64", help="Numbers of labelled items, those for choices included."),
    seeds: int = typer.Option(5, help="Number of seeds: each another order of the training items."),
    noise: str = typer.Option("0", help="Shares of flipped labels, such as 0,0.2,0.4."),
    layers: str | None = typer.Option(None, help="Candidate layers; three in the middle by default."),
    shares: str = typer.Option("0.1,0.2", help="Candidate strengths: share of the residual norm."),
    matched_kl: float | None = typer.Option(None, help="Hold every vector at this KL per token, in place of shares."),
    position: str | None = typer.Option(None, help="Where vectors are read; each method's own by default."),
    model: str = console.MODEL,
    score: str = typer.Option("text", help="letter, yes-no or text."),
    tokens: str = console.TOKENS,
    seed: int = typer.Option(0, help="Seed of the split."),
    limit: int | None = console.LIMIT,
    behavior: str | None = console.BEHAVIOR,
    matching: str | None = console.MATCHING,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    plan_only: bool = PLAN_ONLY,
    fresh: bool = FRESH,
    report: str | None = REPORT,
    record: bool = RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = JSON,
) -> None:
    """What does each technique reach with n labelled items? Curves with bands, areas and crossings."""
    console.quiet()
    from steerstack.cli.performing import Outputs, perform
    from steerstack.study.declared import declare

    of_techniques = _of_techniques(techniques, layers, shares, matched_kl, position)
    value = {
        "study": "efficiency", "model": model, "dtype": dtype, "device": device, "data": data, "behavior": behavior,
        "matching": matching, "limit": limit, "score": score, "tokens": tokens, "seed": seed, **of_techniques,
        "sizes": console.numbers(sizes, int, "sizes"), "seeds": seeds, "noise": console.numbers(noise, float, "shares"),
    }  # fmt: skip
    perform(declare(value), Outputs(plan_only, fresh, report, record, tracking_uri, json))


def generalize(
    data: str = console.DATA,
    techniques: str = TECHNIQUES,
    hard_topics: str | None = typer.Option(None, help="Topics that are hard; all others are easy."),
    system: str | None = typer.Option(None, help="The target is the same items under this system prompt."),
    target_data: str | None = typer.Option(None, help="The target is another data set."),
    layers: str | None = typer.Option(None, help="Candidate layers; three in the middle by default."),
    shares: str = typer.Option("0.1,0.2", help="Candidate strengths: share of the residual norm."),
    matched_kl: float | None = typer.Option(None, help="Hold every vector at this KL per token, in place of shares."),
    position: str | None = typer.Option(None, help="Where vectors are read; each method's own by default."),
    model: str = console.MODEL,
    score: str = typer.Option("text", help="letter, yes-no or text."),
    tokens: str = console.TOKENS,
    seed: int = typer.Option(0, help="Seed of the splits."),
    limit: int | None = console.LIMIT,
    behavior: str | None = console.BEHAVIOR,
    matching: str | None = console.MATCHING,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    plan_only: bool = PLAN_ONLY,
    fresh: bool = FRESH,
    report: str | None = REPORT,
    record: bool = RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = JSON,
) -> None:
    """What does a technique trained on easy items do on hard ones? By default easy is by the model's own margin."""
    console.quiet()
    from steerstack.cli.performing import Outputs, perform
    from steerstack.study.declared import declare

    topics = hard_topics.split(",") if hard_topics else []
    shift = {"topic": topics, "system": system, "data": target_data}
    of_techniques = _of_techniques(techniques, layers, shares, matched_kl, position)
    value = {
        "study": "generalize", "model": model, "dtype": dtype, "device": device, "data": data, "behavior": behavior,
        "matching": matching, "limit": limit, "score": score, "tokens": tokens, "seed": seed, **of_techniques,
        "shift": {**shift, "margin": not any(shift.values())},
    }  # fmt: skip
    perform(declare(value), Outputs(plan_only, fresh, report, record, tracking_uri, json))


def _of_techniques(
    techniques: str, layers: str | None, shares: str, matched_kl: float | None, position: str | None
) -> dict[str, Any]:
    """The fields of a study file that say which techniques, and where and how strongly vectors act."""
    return {
        "techniques": techniques.split(","),
        "layers": console.numbers(layers, int, "layers") if layers else None,
        "shares": console.numbers(shares, float, "shares"),
        "matched_kl": matched_kl,
        "position": position,
    }
