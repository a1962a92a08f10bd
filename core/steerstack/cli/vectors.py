"""``steerstack vectors``: what the registry holds, and files of other tools."""

from pathlib import Path

import typer

from steerstack.cli import console
from steerstack.report.page import interval

app = typer.Typer(no_args_is_help=True, help="Look at vectors; exchange them with other tools.")


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
    return interval(alone) if alone else ""


@app.command("show")
def show(
    vector: str = typer.Argument(..., help="Vector file, registered name, or models:/NAME/VERSION."),
    tracking_uri: str | None = console.TRACKING,
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show one vector: origin, norms, effects."""
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


@app.command("import")
def import_vector(
    file: str = typer.Argument(..., help="Vector file of another tool; AUTOENCODER#FEATURE for one of its features."),
    out: Path = typer.Option(..., help="Vector file to write (.safetensors)."),
    format: str | None = typer.Option(None, help="Name of the format; found out by default."),
    layer: int | None = typer.Option(None, help="Layer, where the file does not say; else the only one to keep."),
    offset: int = typer.Option(0, help="Added to every layer: -1 for files that count blocks from 1."),
    model_name: str | None = typer.Option(None, help="Model that it was made for, for the record."),
    json: bool = typer.Option(False, "--json", help="Print the vector's header as JSON."),
) -> None:
    """Read a vector of another tool and save it as one of steerstack's."""
    from dataclasses import replace

    from steerstack.formats import read_vector

    vector = read_vector(file, format=format, layer=layer, offset=offset)
    if model_name:
        vector = replace(vector, origin=replace(vector.origin, model_name=model_name))
    vector.save(out)
    about = {"path": str(out), "fingerprint": vector.fingerprint, "d_model": vector.d_model, **vector.header()}
    if json:
        console.print_json(about)
        return
    console.out.print(
        f"{out}: layers {', '.join(map(str, vector.layers))} of width {vector.d_model}, at {vector.component}; "
        f"it acts by {vector.edit}. Read as {vector.origin.parameters.get('format', 'steerstack')}.",
        highlight=False,
    )


@app.command("export")
def export_vector(
    vector: Path = typer.Argument(..., help="Vector file."),
    out: Path = typer.Option(..., help="File to write; a folder for peft."),
    format: str = typer.Option(..., help="Format of the other tool; `steerstack plugins list` shows all."),
    layers: str | None = typer.Option(None, help="Layers to write, such as 9 or 5,9; all by default."),
    scale: float = typer.Option(1.0, help="Strength to write into the directions."),
    model: str | None = typer.Option(None, help="Model, to check that it fits and to say what is portable."),
    model_type: str | None = typer.Option(None, help="Only its type, such as llama."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Write a vector in the format of another tool, and say at which site and scale it stands there."""
    console.quiet()
    from steerstack import catalog
    from steerstack.formats import keep, write_vector
    from steerstack.portability import portability
    from steerstack.trace.open import open_model
    from steerstack.vector import SteeringVector

    loaded = SteeringVector.load(vector)
    if layers is not None:
        loaded = keep(loaded, console.numbers(layers, int, "layers"))
    loaded = loaded if scale == 1 else loaded * scale
    opened = open_model(model) if model else None
    write_vector(loaded, out, format, model=opened, model_type=model_type)
    about = {
        "path": str(out),
        "format": format,
        "layers": list(loaded.layers),
        "convention": catalog.vector_format(format).convention,
        "portability": portability(loaded, opened) if opened else None,
    }
    if json:
        console.print_json(about)
        return
    console.out.print(f"{out}: layers {', '.join(map(str, loaded.layers))}. {about['convention']}", highlight=False)
    if about["portability"]:
        console.note(str(about["portability"]))
