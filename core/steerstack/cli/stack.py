"""``steerstack stack``: does the vector help on top of a prompt and of a fine-tune?"""

from pathlib import Path

import typer

from steerstack.cli import console


def stack(
    behavior: str = typer.Option(..., help="A shipped behaviour, or a name for --data."),
    model: str = console.MODEL,
    data: str | None = typer.Option(None, help="Data file; the shipped set of the behaviour by default."),
    matching: str | None = console.MATCHING,
    method: str = typer.Option("mean-difference", help="Extractor."),
    set_: list[str] = console.SET,
    finetune: str = typer.Option("lora-sft", help="Baselines to stack with, by commas; 'none' for none."),
    few_shot: bool = typer.Option(True, help="Demonstrations as one more level of the prompt."),
    together: list[Path] = typer.Option([], help="Another vector file to try together with this one; repeat it."),
    score: str = typer.Option("text", help="letter, yes-no or text."),
    position: str = typer.Option("response", help="Where the vector is read: answer, last or response."),
    tokens: str = console.TOKENS,
    layers: str | None = typer.Option(None, help="Candidate layers; six in the middle by default."),
    shares: str = typer.Option("0.1,0.2,0.4", help="Candidate strengths: share of the residual norm."),
    matched_kl: float | None = typer.Option(None, help="Hold candidates at this KL per token, in place of shares."),
    nulls: int = typer.Option(5, help="Random and shuffled-label vectors, each; at most as many of other behaviours."),
    seed: int = typer.Option(0, help="Seed of splits, nulls and fine-tunes."),
    limit: int | None = console.LIMIT,
    revision: str | None = console.REVISION,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    remote: str | None = console.REMOTE,
    plan_only: bool = console.PLAN_ONLY,
    report: str | None = console.REPORT,
    fresh: bool = console.FRESH,
    engine: str = console.ENGINE,
    workers: int | None = console.WORKERS,
    record: bool = console.RECORD,
    tracking_uri: str | None = console.TRACKING,
    json: str | None = console.JSON,
) -> None:
    """Measure a vector alone, on top of prompts and of fine-tunes, with intervals and nulls. Resumes after a kill."""
    given = locals()
    console.quiet()
    from steerstack.cli.performing import perform_options

    perform_options(
        "stack",
        given,
        data=data or behavior,
        behavior=behavior if data else None,
        method={"name": method, **console.settings(set_)},
        position=position,
        finetunes=[name for name in finetune.split(",") if name and name != "none"],
        few_shot=few_shot,
        together=[str(path) for path in together],
        layers=console.numbers(layers, int, "layers") if layers else None,
        shares=console.numbers(shares, float, "shares"),
        matched_kl=matched_kl,
        nulls=nulls,
    )
