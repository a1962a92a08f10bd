"""``steerstack doctor``: is everything in place, and why does a vector have no effect?"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steerstack.cli import console, options, progress_bars
from steerstack.cli.plan_options import VectorOptions, layers_of

if TYPE_CHECKING:
    from steerstack.study.why.diagnosis import Diagnosis

_PANEL = "Why a vector has no effect"


@options.spread
def doctor(
    *,
    why: bool = typer.Option(False, "--why", help="Find out why a vector has no effect.", rich_help_panel=_PANEL),
    data: str | None = options.DATA_IF_ANY,
    source: options.DataOptions,
    vector: VectorOptions,
    scale: float = typer.Option(1.0, help="Strength at which it is used.", rich_help_panel=_PANEL),
    score: str = typer.Option("text", help="letter, yes-no or text.", rich_help_panel=_PANEL),
    system: str | None = typer.Option(None, help="System prompt for every item.", rich_help_panel=_PANEL),
    model: options.AskedModelOptions,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Show versions, device, tracking store, embedded model and plugins; exit 1 if something is amiss.

    With --why, --data and --vector it looks at one use of a vector instead, and names the cause of its having no
    effect; exit 1 if there is one.
    """
    if not why:
        _check_place(vector.vector, data)
        _health(tracking_uri, json)
        return
    console.quiet()
    from steerstack.errors import SteerstackError
    from steerstack.exchange.load_vector import load_vector
    from steerstack.study.why.diagnosis import why as find_cause

    if vector.vector is None or data is None:
        raise SteerstackError(
            "--why needs a vector and the data on which it has no effect.",
            fix="Add --vector FILE and --data FILE, and --layer, --scale and --tokens as you use it.",
        )
    edited = vector.edited
    items = source.items(data)
    loaded = load_vector(vector.vector)
    layers = layers_of(loaded, vector.layer)
    opened = model.opened()
    with progress_bars.bars() as bars:
        diagnosis = find_cause(
            opened, items, loaded, layer=layers, scale=scale, tokens=vector.tokens, mode=score, system=system,
            edit=edited, transfer=vector.transfer, on_step=bars.phase,
        )  # fmt: skip
    if not console.wrote(diagnosis.to_json(), json):
        _show(diagnosis)
    if diagnosis.cause:
        raise typer.Exit(1)


def _check_place(vector: Path | None, data: str | None) -> None:
    from steerstack.errors import SteerstackError

    if vector is not None or data is not None:
        raise SteerstackError("The doctor looks at a vector only if asked why.", fix="Add --why.")


def _health(tracking_uri: str | None, json: str | None) -> None:
    from steerstack.cli.health import report

    health = report(tracking_uri)
    if not console.wrote(health, json):
        for entry in health["checks"]:
            _say(entry["what"], entry["found"], ok=entry["ok"])
    if not health["ok"]:
        raise typer.Exit(1)


def _show(found: "Diagnosis") -> None:
    for look in found.looks:
        _say(look.what, look.found, ok=not look.cause)
    last = found.looks[-1]
    if not last.cause:
        console.out.print("Nothing is amiss: the vector has an effect as it is used.", highlight=False)
        return
    from steerstack.study.why.look import CAUSES

    console.out.say(f" {last.cause}. {CAUSES[last.cause]}", mark="cause:", style="bold")
    if last.do:
        console.out.say(f" {last.do}", mark="do:", style="bold")


def _say(what: str, found: str, *, ok: bool) -> None:
    mark, style = ("ok  ", "green") if ok else ("bad ", "red")
    console.out.say(f" {what:18} {found}", mark=mark, style=style)
