"""``steerstack sweep``: one vector at several layers and strengths."""

from pathlib import Path
from typing import Any

import typer

from steerstack.cli import console
from steerstack.report.page import interval


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
    json: str | None = typer.Option(None, "--json", help="Write the result as JSON; - prints it."),
) -> None:
    """Try a vector at every layer and strength given, on the same items. Resumes after a kill."""
    console.quiet()
    from steerstack import digest
    from steerstack.asking import check_mode
    from steerstack.cli.planning import edit_named
    from steerstack.home import home
    from steerstack.recording import load_vector
    from steerstack.study.sweep import Sweep, run_sweep
    from steerstack.trace.open import open_model

    loaded = load_vector(vector)
    chosen = edit_named(edit, edit_set)
    declared = Sweep(
        console.numbers(layers, int, "layers"),
        console.numbers(scales, float, "scales"),
        check_mode(score),
        tokens,
        chosen,
    )
    items = console.items(data, behavior=behavior, matching=matching, limit=limit)
    opened = open_model(model, revision=revision, dtype=dtype, device=device, remote=remote)
    opened.check_vector(loaded, transfer=transfer)
    for layer in declared.layers:
        opened.check_site(loaded.site(layer))
    name = digest.of_json([opened.fingerprint, items.digest, loaded.fingerprint, declared.describe()])
    with console.bars() as bars:
        result = run_sweep(
            declared,
            opened,
            items,
            loaded,
            folder=home() / "studies" / f"sweep-{name[:16]}",
            advance=bars.advance,
            announce=bars.announce,
        ).to_json()
    console.write_result(result, json)
    if json != "-":
        show(result)


def show(result: dict[str, Any]) -> None:
    """Print a sweep as a table."""
    from rich.table import Table

    table = Table(
        "layer",
        "scale",
        "log-odds",
        "effect and 95 % interval",
        "KL per token",
        title=f"{result['behavior']}, n = {result['n']}",
    )
    for arm in result["arms"]:
        table.add_row(
            str(arm["layer"]),
            f"{arm['scale']:g}",
            f"{arm['estimate']['value']:+.3f}",
            interval(arm["effect"]),
            f"{arm['kl']:.3f}",
        )
    console.out.print(table)
    console.note(result["caution"])
    if result["warning"]:
        console.note(result["warning"])
