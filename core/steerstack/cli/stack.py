"""``steerstack stack``: does the vector help on top of a prompt and of a fine-tune?"""

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
    score: str = typer.Option("text", help="letter, yes-no or text."),
    position: str = typer.Option("response", help="Where the vector is read: answer, last or response."),
    tokens: str = console.TOKENS,
    layers: str | None = typer.Option(None, help="Candidate layers; six in the middle by default."),
    shares: str = typer.Option("0.1,0.2,0.4", help="Candidate strengths: share of the residual norm."),
    nulls: int = typer.Option(5, help="Random and shuffled-label vectors, each."),
    seed: int = typer.Option(0, help="Seed of splits, nulls and fine-tunes."),
    limit: int | None = console.LIMIT,
    revision: str | None = console.REVISION,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    report: str | None = typer.Option(None, help="Where to write the HTML report."),
    fresh: bool = typer.Option(False, help="Start anew rather than go on with an earlier run."),
    record: bool = typer.Option(True, help="Keep vectors and effects in the registry."),
    tracking_uri: str | None = console.TRACKING,
    json: str | None = typer.Option(None, "--json", help="Write the result as JSON; - prints it."),
) -> None:
    """Measure a vector alone, on top of prompts and of fine-tunes, with intervals and nulls. Resumes after a kill."""
    console.quiet()
    from steerstack import catalog
    from steerstack.asking import check_mode
    from steerstack.cli.studying import Options, finish, perform
    from steerstack.study.stacking import Stacking

    declared = Stacking(
        behavior,
        check_mode(score),
        position,
        tokens,
        console.numbers(layers, int, "layers") if layers else None,
        console.numbers(shares, float, "shares"),
        nulls,
        seed,
        limit,
    )
    names = [name for name in finetune.split(",") if name and name != "none"]
    options = Options(model, revision, dtype, device, method, console.settings(set_), tuple(names), fresh)
    items = catalog.load_data(data or behavior, behavior=behavior if data else None, matching=matching)
    result, folder = perform(declared, items, options)
    finish(result, folder, report=report, record=record, tracking_uri=tracking_uri, json=json)
