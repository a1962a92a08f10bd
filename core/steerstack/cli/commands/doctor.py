"""``steerstack doctor``: is everything in place, and why does a vector have no effect?"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from steerstack.cli import assignments, console, options, progress_bars

if TYPE_CHECKING:
    from steerstack.study.why.diagnosis import Diagnosis

_PANEL = "Why a vector has no effect"


def doctor(
    why: bool = typer.Option(False, "--why", help="Find out why a vector has no effect.", rich_help_panel=_PANEL),
    data: str | None = typer.Option(
        None, help="Data file, or the name of a shipped behaviour.", rich_help_panel=_PANEL
    ),
    vector: Path | None = typer.Option(None, help="Vector file, or models:/NAME@ALIAS.", rich_help_panel=_PANEL),
    layer: str | None = typer.Option(
        None, help="Layer at which it is used; several as 10,14; or all it has.", rich_help_panel=_PANEL
    ),
    scale: float = typer.Option(1.0, help="Strength at which it is used.", rich_help_panel=_PANEL),
    relative: bool = typer.Option(
        False, help="The scale is a share of each activation's norm.", rich_help_panel=_PANEL
    ),
    tokens: str = options.TOKENS,
    score: str = typer.Option("text", help="letter, yes-no or text.", rich_help_panel=_PANEL),
    edit: str | None = options.EDIT,
    edit_set: list[str] = options.EDIT_SET,
    system: str | None = typer.Option(None, help="System prompt for every item.", rich_help_panel=_PANEL),
    transfer: bool = options.TRANSFER,
    model: str = options.MODEL,
    limit: int | None = options.LIMIT,
    behavior: str | None = options.BEHAVIOR,
    matching: str | None = options.MATCHING,
    revision: str | None = options.REVISION,
    dtype: str | None = options.DTYPE,
    device: str | None = options.DEVICE,
    remote: str | None = options.REMOTE,
    plain_http: bool = options.PLAIN_HTTP,
    template: list[str] = options.TEMPLATE,
    form: str | None = options.FORM,
    reasoning: str = options.REASONING,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Show versions, device, tracking store, embedded model and plugins; exit 1 if something is amiss.

    With --why, --data and --vector it looks at one use of a vector instead, and names the cause of its having no
    effect; exit 1 if there is one.
    """
    if not why:
        _check_place(vector, data)
        _health(tracking_uri, json)
        return
    console.quiet()
    from steerstack.cli.plan_options import edit_named, layers_of
    from steerstack.data.manner import check_reasoning
    from steerstack.errors import SteerstackError
    from steerstack.exchange.load_vector import load_vector
    from steerstack.study.why.diagnosis import why as find_cause
    from steerstack.trace.open import open_model

    if vector is None or data is None:
        raise SteerstackError(
            "--why needs a vector and the data on which it has no effect.",
            fix="Add --vector FILE and --data FILE, and --layer, --scale and --tokens as you use it.",
        )
    edited = edit_named(edit, edit_set + (["relative=true"] if relative else []))
    items = console.items(data, behavior=behavior, matching=matching, limit=limit)
    loaded = load_vector(vector)
    layers = layers_of(loaded, layer)
    opened = open_model(
        model, revision=revision, dtype=dtype, device=device, remote=remote,
        template=assignments.values(template), form=form, reasoning=check_reasoning(reasoning),
    )  # fmt: skip
    with progress_bars.bars() as bars:
        found = find_cause(
            opened, items, loaded, layer=layers, scale=scale, tokens=tokens, mode=score, system=system, edit=edited,
            transfer=transfer, on_step=bars.phase,
        )  # fmt: skip
    if not console.wrote(found.to_json(), json):
        _show(found)
    if found.cause:
        raise typer.Exit(1)


def _check_place(vector: Path | None, data: str | None) -> None:
    from steerstack.errors import SteerstackError

    if vector is not None or data is not None:
        raise SteerstackError("The doctor looks at a vector only if asked why.", fix="Add --why.")


def _health(tracking_uri: str | None, json: str | None) -> None:
    from steerstack.cli.health import report

    found = report(tracking_uri)
    if not console.wrote(found, json):
        for entry in found["checks"]:
            _say(entry["what"], entry["found"], ok=entry["ok"])
    if not found["ok"]:
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
