"""``steerstack run``, ``efficiency`` and ``generalize``: studies from files and from options."""

from pathlib import Path
from typing import Any

import typer

from steerstack.cli import console

TECHNIQUES = typer.Option(..., help="Extractors and baselines, by commas: mean-difference,logistic,lora-sft.")


def run(
    file: Path = typer.Argument(help="Study file (YAML); see examples/studies."),
    plan_only: bool = console.PLAN_ONLY,
    fresh: bool = console.FRESH,
    engine: str = console.ENGINE,
    workers: int | None = console.WORKERS,
    report: str | None = console.REPORT,
    record: bool = console.RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = console.JSON,
) -> None:
    """Run the study that a file declares: sweep, stack, efficiency, generalize or frontier. Resumes after a kill."""
    console.quiet()
    from steerstack.cli.finishing import Outputs
    from steerstack.cli.performing import perform
    from steerstack.study.declared import load_study

    perform(load_study(file), Outputs(plan_only, fresh, report, record, tracking_uri, json, engine, workers))


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
    remote: str | None = console.REMOTE,
    plan_only: bool = console.PLAN_ONLY,
    fresh: bool = console.FRESH,
    engine: str = console.ENGINE,
    workers: int | None = console.WORKERS,
    report: str | None = console.REPORT,
    record: bool = console.RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = console.JSON,
) -> None:
    """What does each technique reach with n labelled items? Curves with bands, areas and crossings."""
    given = locals()
    console.quiet()
    from steerstack.cli.performing import perform_options

    perform_options(
        "efficiency",
        given,
        **_of_techniques(techniques, layers, shares, matched_kl, position),
        sizes=console.numbers(sizes, int, "sizes"),
        seeds=seeds,
        noise=console.numbers(noise, float, "shares"),
    )


def frontier(
    data: str = console.DATA,
    techniques: str = TECHNIQUES,
    budgets: str = typer.Option("0.01,0.03,0.1,0.3", help="KL per token (nats) at which every vector is measured."),
    knowledge: int = typer.Option(60, help="Number of MMLU questions, by the options' own words; 0 for none."),
    layers: str | None = typer.Option(None, help="Candidate layers; three in the middle by default."),
    position: str | None = typer.Option(None, help="Where vectors are read; each method's own by default."),
    model: str = console.MODEL,
    score: str = typer.Option("text", help="letter, yes-no or text."),
    tokens: str = console.TOKENS,
    seed: int = typer.Option(0, help="Seed of the split and the fits."),
    limit: int | None = console.LIMIT,
    behavior: str | None = console.BEHAVIOR,
    matching: str | None = console.MATCHING,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    remote: str | None = console.REMOTE,
    plan_only: bool = console.PLAN_ONLY,
    fresh: bool = console.FRESH,
    report: str | None = console.REPORT,
    record: bool = console.RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = console.JSON,
) -> None:
    """What does each technique gain, at what cost? Effect against KL, perplexity and knowledge, at equal KL."""
    given = locals()
    console.quiet()
    from steerstack.cli.performing import perform_options

    perform_options(
        "frontier",
        given,
        techniques=techniques.split(","),
        layers=console.numbers(layers, int, "layers") if layers else None,
        position=position,
        budgets=console.numbers(budgets, float, "budgets"),
        knowledge=knowledge,
    )


def generalize(
    data: str = console.DATA,
    techniques: str = TECHNIQUES,
    hard_topics: str | None = typer.Option(None, help="Topics that are hard; all others are easy."),
    hard_above: float | None = typer.Option(None, help="Topics are numbers (a grade, a difficulty): hard above this."),
    system: str | None = typer.Option(None, help="The target is the same items under this system prompt."),
    user: str | None = typer.Option(None, help="The target is the same items after these words of the user's."),
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
    remote: str | None = console.REMOTE,
    plan_only: bool = console.PLAN_ONLY,
    fresh: bool = console.FRESH,
    engine: str = console.ENGINE,
    workers: int | None = console.WORKERS,
    report: str | None = console.REPORT,
    record: bool = console.RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = console.JSON,
) -> None:
    """What does a technique trained on easy items do on hard ones? By default easy is by the model's own margin."""
    given = locals()
    console.quiet()
    from steerstack.cli.performing import perform_options

    topics = hard_topics.split(",") if hard_topics else []
    shift = {"topic": topics, "above": hard_above, "system": system, "user": user, "data": target_data}
    perform_options(
        "generalize",
        given,
        **_of_techniques(techniques, layers, shares, matched_kl, position),
        shift={**shift, "margin": all(part in (None, []) for part in shift.values())},
    )


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
