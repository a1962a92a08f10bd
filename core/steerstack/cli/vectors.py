"""``steerstack vectors``: what the registry holds."""

import typer

from steerstack.cli import console

app = typer.Typer(no_args_is_help=True, help="Look at registered vectors.")


@app.command("list")
def list_vectors(
    tracking_uri: str | None = console.TRACKING, json: bool = typer.Option(False, "--json", help="Print JSON.")
) -> None:
    """List registered vectors with their newest effects."""
    from rich.table import Table

    from steerstack.recording import recorder

    rows = recorder().list_vectors(tracking_uri=tracking_uri)
    if json:
        console.print_json(rows)
        return
    table = Table("name", "version", "aliases", "model", "method", "effect alone")
    for row in rows:
        table.add_row(
            row["name"],
            str(row["version"]),
            ", ".join(row["aliases"]),
            row["model"],
            row["method"],
            _effect(row["effects"]),
        )
    console.out.print(table)


def _effect(effects: dict[str, dict[str, float]]) -> str:
    alone = effects.get("effect/alone")
    return f"{alone['value']:+.3f} [{alone['ci_low']:+.3f}, {alone['ci_high']:+.3f}]" if alone else ""


@app.command("show")
def show(
    vector: str = typer.Argument(..., help="Vector file, registered name, or models:/NAME/VERSION."),
    tracking_uri: str | None = console.TRACKING,
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show one vector: origin, norms, effects."""
    from pathlib import Path

    from steerstack.recording import recorder
    from steerstack.vector import SteeringVector

    if Path(vector).exists() or vector.endswith(".safetensors"):
        loaded = SteeringVector.load(vector)
        about = {"path": vector, "fingerprint": loaded.fingerprint, "d_model": loaded.d_model, **loaded.header()}
    else:
        about = recorder().show_vector(vector, tracking_uri=tracking_uri)
    if json:
        console.print_json(about)
        return
    for key, value in about.items():
        console.out.print(f"{key:18} {value}", highlight=False)
