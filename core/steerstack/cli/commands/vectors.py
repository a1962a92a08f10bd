"""``steerstack vectors``: what a vector is, and files of other tools."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from steerstack.catalog.lookup import find
from steerstack.cli import assignments, console, options
from steerstack.util.numbers import signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steerstack.measure.logit_lens import Reading
    from steerstack.steering.vector import SteeringVector

app = typer.Typer(no_args_is_help=True, help="Look at vectors; exchange them with other tools.")
VECTOR = typer.Argument(
    ..., help="Vector file or folder, registered name, models:/NAME@ALIAS, or hf://OWNER/NAME and other addresses."
)


@app.command("show")
def show(
    vector: str = VECTOR,
    model: str | None = typer.Option(None, help="Model, to read which tokens the vector promotes and suppresses."),
    layers: str | None = typer.Option(None, help="Layers to read, such as 5,9; all by default."),
    top: int = typer.Option(8, min=1, help="Number of tokens of each kind."),
    transfer: bool = options.TRANSFER,
    revision: str | None = options.REVISION,
    dtype: str | None = options.DTYPE,
    device: str | None = options.DEVICE,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Show one vector: origin, norms, effects; with --model the tokens that it speaks for by itself."""
    from steerstack.catalog.recorder import recorder
    from steerstack.exchange.load_vector import load_vector

    if _is_place(vector):
        loaded = load_vector(vector)
        about = {"path": vector, "fingerprint": loaded.fingerprint, "d_model": loaded.d_model, **loaded.header()}
    else:
        about = recorder().show_vector(vector, tracking_uri=tracking_uri)
        if model:
            loaded = load_vector(f"models:/{about['model_id']}", tracking_uri=tracking_uri)
    readings: "Sequence[Reading]" = ()
    if model:
        console.quiet()
        from steerstack.measure.logit_lens import LIMITS, read_vector
        from steerstack.trace.open import open_model

        opened = open_model(model, revision=revision, dtype=dtype, device=device)
        opened.check_vector(loaded, transfer=transfer)
        at = assignments.numbers(layers, int, "layers") if layers else loaded.layers
        readings = read_vector(opened, loaded, at, top=top)
        entries = [reading.to_json() for reading in readings]
        about["readout"] = {"model": opened.name, "limits": LIMITS, "layers": entries}
    if console.wrote(about, json):
        return
    for key, value in about.items():
        if key != "readout":
            console.out.print(f"{key:18} {value}", highlight=False)
    if readings:
        _show_readout(readings)


def _is_place(vector: str) -> bool:
    """Whether it names a file, a folder or an address, and not something registered."""
    from steerstack.exchange import vector_folder

    return os.path.exists(vector) or vector.endswith(".safetensors") or vector_folder.is_address(vector)


def _loaded(vector: str, tracking_uri: str | None) -> "tuple[SteeringVector, dict[str, Any]]":
    """A vector by whatever names it, and what the registry knows of it."""
    from steerstack.catalog.recorder import recorder
    from steerstack.exchange.load_vector import load_vector

    if _is_place(vector):
        return load_vector(vector), {}
    about = recorder().show_vector(vector, tracking_uri=tracking_uri)
    return load_vector(f"models:/{about['model_id']}", tracking_uri=tracking_uri), about


def _show_readout(readings: "Sequence[Reading]") -> None:
    from rich.table import Table

    from steerstack.measure.logit_lens import LIMITS

    def listed(tokens: "Sequence[tuple[int, str, float]]") -> str:
        return "  ".join(f"{text!r} {signed(logit, 2)}" for _, text, logit in tokens)

    title = "change of the logits by the vector at strength 1, less its mean over the vocabulary"
    table = Table("layer", "most promoted", "most suppressed", "top of random", title=title)
    for of in readings:
        table.add_row(str(of.layer), listed(of.promoted), listed(of.suppressed), signed(of.random_top, 2))
    console.out.print(table)
    console.note(LIMITS)


@app.command("import")
def import_vector(
    file: str = typer.Argument(..., help="Vector file of another tool; AUTOENCODER#FEATURE for one of its features."),
    out: Path = typer.Option(..., help="Vector file to write (.safetensors)."),
    format: str | None = typer.Option(None, help="Name of the format; found out by default."),
    layer: int | None = typer.Option(None, help="Layer, where the file does not say; else the only one to keep."),
    offset: int = typer.Option(0, help="Added to every layer: -1 for files that count blocks from 1."),
    model_name: str | None = typer.Option(
        None, help="Model that it was made for, for the record; its config says how many blocks it has."
    ),
    n_layers: int | None = typer.Option(
        None, min=1, help="Number of the model's blocks, where its config is not here."
    ),
    json: str | None = options.HEADER,
) -> None:
    """Read a vector of another tool and save it as one of steerstack's."""
    from dataclasses import replace

    from steerstack.exchange.formats import read_vector
    from steerstack.exchange.model_depth import depth_of

    depth = n_layers or (depth_of(model_name) if model_name else None)
    vector = read_vector(file, format=format, layer=layer, offset=offset, n_layers=depth)
    if model_name:
        vector = replace(vector, origin=replace(vector.origin, model_name=model_name))
    vector.save(out)
    about = {"path": str(out), "fingerprint": vector.fingerprint, "d_model": vector.d_model, **vector.header()}
    if console.wrote(about, json):
        return
    console.out.print(
        f"{out}: layers {', '.join(map(str, vector.layers))} of width {vector.d_model}, at {vector.component}; "
        f"it acts by {vector.edit}. Read as {vector.origin.parameters.get('format', 'steerstack')}.",
        highlight=False,
    )
    if vector.origin.found.get("rows"):
        console.note(str(vector.origin.found["rows"]))


@app.command("export")
def export_vector(
    vector: str = VECTOR,
    out: Path = typer.Option(..., help="File to write; a folder for peft."),
    format: str = typer.Option(..., help="Format of the other tool; `steerstack plugins list` shows all."),
    layers: str | None = typer.Option(None, help="Layers to write, such as 9 or 5,9; all by default."),
    scale: float = typer.Option(1.0, help="Strength to write into the directions."),
    model: str | None = typer.Option(None, help="Model, to check that it fits and to say what is portable."),
    model_type: str | None = typer.Option(None, help="Only its type, such as llama."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Write a vector in the format of another tool, and say at which site and scale it stands there."""
    console.quiet()
    from steerstack.exchange.folded_basis import portability
    from steerstack.exchange.formats import keep, write_vector
    from steerstack.trace.open import open_model

    loaded, _ = _loaded(vector, tracking_uri)
    if layers is not None:
        loaded = keep(loaded, assignments.numbers(layers, int, "layers"))
    loaded = loaded if scale == 1 else loaded * scale
    opened = open_model(model) if model else None
    write_vector(loaded, out, format, model=opened, model_type=model_type)
    about = {
        "path": str(out),
        "format": format,
        "layers": list(loaded.layers),
        "convention": find("vector-format", format).convention,
        "portability": portability(loaded, opened) if opened else None,
    }
    if console.wrote(about, json):
        return
    console.out.print(f"{out}: layers {', '.join(map(str, loaded.layers))}. {about['convention']}", highlight=False)
    if about["portability"]:
        console.note(str(about["portability"]))


@app.command("push")
def push(
    vector: str = VECTOR,
    place: str = typer.Argument(..., help="hf://OWNER/NAME, another fsspec address such as s3://..., or a folder."),
    private: bool = typer.Option(False, help="Make a new repository on the hub private."),
    tracking_uri: str | None = options.TRACKING,
) -> None:
    """Share a vector with its card, provenance, effects and checksums."""
    console.quiet()
    from steerstack.exchange import vector_folder

    loaded, about = _loaded(vector, tracking_uri)
    vector_folder.push(loaded, place, about, private=private)
    console.out.print(f"{place}: fingerprint {loaded.fingerprint[:12]}", highlight=False)


@app.command("pull")
def pull(
    place: str = typer.Argument(..., help="hf://OWNER/NAME, another fsspec address, or a folder."),
    out: Path = typer.Option(..., help="Folder to write."),
) -> None:
    """Fetch a shared vector folder, and verify its checksums."""
    console.quiet()
    from steerstack.exchange import vector_folder

    fetched = vector_folder.pull(place, out)
    console.out.print(
        f"{out / vector_folder.VECTOR}: fingerprint {fetched.fingerprint[:12]}, checksums hold", highlight=False
    )
