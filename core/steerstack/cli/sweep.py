"""``steerstack sweep``: one vector at several layers and strengths."""

from pathlib import Path

import typer

from steerstack.cli import console


def sweep(
    data: str = console.DATA,
    vector: Path = typer.Option(..., help="Vector file."),
    layers: str = typer.Option(..., help="Layers, such as 5,9,13."),
    scales: str = typer.Option("-2,-1,0,1,2", help="Multipliers, such as --scales=-2,-1,0,1,2."),
    model: str = console.MODEL,
    score: str = typer.Option("text", help="letter, yes-no or text."),
    tokens: str = console.TOKENS,
    edit: str | None = console.EDIT,
    edit_set: list[str] = console.EDIT_SET,
    transfer: bool = typer.Option(False, help="Allow a vector that was made from other weights."),
    limit: int | None = console.LIMIT,
    behavior: str | None = console.BEHAVIOR,
    matching: str | None = console.MATCHING,
    revision: str | None = console.REVISION,
    dtype: str | None = console.DTYPE,
    device: str | None = console.DEVICE,
    remote: str | None = console.REMOTE,
    nulls: int = typer.Option(1, help="Random, shuffled-label and unrelated vectors at every layer, each."),
    plan_only: bool = console.PLAN_ONLY,
    report: str | None = console.REPORT,
    fresh: bool = console.FRESH,
    engine: str = console.ENGINE,
    workers: int | None = console.WORKERS,
    record: bool = typer.Option(False, help="Keep the result in the registry."),
    tracking_uri: str | None = console.TRACKING,
    json: str | None = console.JSON,
) -> None:
    """Try a vector at every layer and strength given, on the same items, beside nulls. Resumes after a kill."""
    given = locals()
    console.quiet()
    from steerstack.cli.performing import perform_options

    perform_options(
        "sweep",
        given,
        vector=str(vector),
        layers=console.numbers(layers, int, "layers"),
        scales=console.numbers(scales, float, "scales"),
        transfer=transfer,
        nulls=nulls,
        edit={"name": edit, **console.settings(edit_set)} if edit else None,
    )
