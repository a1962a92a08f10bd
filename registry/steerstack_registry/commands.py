"""``steerstack registry``: provenance, comparison, promotion and verification of vectors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from steerstack.cli import console, options
from steerstack.contracts.recorder import KeptEffect

app = typer.Typer(no_args_is_help=True, help="Vectors in MLflow: where they come from, and whether claims hold.")
LIMIT = typer.Option(100, help="The newest only; 0 for all.")
VECTOR = typer.Argument(help="Registered name (its newest version), models:/NAME/VERSION or models:/NAME@ALIAS.")


@app.command("log")
def log(
    file: Path = typer.Argument(help="Vector file (.safetensors)."),
    behavior: str | None = typer.Option(None, help="Behaviour; that of the file's header by default."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Register a vector file."""
    console.quiet()
    from steerstack.report.card import vector_card
    from steerstack.steering.vector import SteeringVector
    from steerstack_registry.access import location
    from steerstack_registry.write.store import MLflowStore

    vector = SteeringVector.load(file)
    store = MLflowStore(location.resolve(tracking_uri))
    registration = store.log_vector(vector, behavior or vector.origin.behavior, card=vector_card(vector))
    about = {"uri": registration.uri, "model_id": registration.model_id, "new": registration.new}
    _print(about, json, f"{registration.uri} {'registered' if registration.new else 'was registered before'}")


@app.command("list")
def list_vectors(
    limit: int = LIMIT,
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """List registered vectors with their newest effects."""
    from rich.table import Column, Table

    from steerstack.catalog.recorder import recorder

    rows = recorder().list_vectors(tracking_uri=tracking_uri, limit=limit + 1 if limit else None)
    if limit and len(rows) > limit:
        rows = rows[:limit]
        console.note(f"These are the newest {limit}; there are more (--limit 0 lists all).")
    if console.wrote(rows, json):
        return
    whole = max((len(row["name"]) for row in rows), default=0)  # a name that is cut cannot be copied
    table = Table(Column("name", min_width=whole), "version", "aliases", "effect and 95 % interval")
    for row in rows:  # the name tells behaviour, model and method
        table.add_row(row["name"], str(row["version"]), ", ".join(row["aliases"]), _effect(row["effects"]))
    console.out.print(table)


def _effect(effects: Mapping[str, KeptEffect]) -> str:
    """The vector's effect alone, as a stacking study measures it; or else the first that there is, by its name."""
    from steerstack.report.page import interval

    if "effect/alone" in effects:
        return f"alone {interval(effects['effect/alone'])}"
    name, first = next(iter(effects.items()), ("", None))
    more = f", {len(effects) - 1} more" if len(effects) > 1 else ""
    return f"{name} {interval(first)}{more}" if first else ""


@app.command("show")
def show(vector: str = VECTOR, tracking_uri: str | None = options.TRACKING, json: str | None = options.JSON) -> None:
    """Show one vector: origin, norms, effects, card."""
    from steerstack_registry.read.listing import show_vector

    about = show_vector(vector, tracking_uri)
    _print(about, json, "\n".join(f"{key:14} {value}" for key, value in about.items()))


@app.command("lineage")
def lineage(vector: str = VECTOR, tracking_uri: str | None = options.TRACKING, json: str | None = options.JSON) -> None:
    """Follow a vector to its data, its code, the command that made it, and every run that used it."""
    from steerstack.report.page import interval
    from steerstack_registry.read.lineage import lineage as find

    about = find(vector, tracking_uri)
    lines = [f"data    {about['data']['digest'][:12]} ({about['data']['n_pairs']} pairs)"]
    lines.append(f"vector  {about['vector']['uri']}  {about['vector']['method']} on {about['vector']['model_name']}")
    for title in ("made_by", "used_by"):
        for run in about[title]:
            about_it = f"commit {run['git_commit'][:8] or 'unknown'}" if run["kind"] else "deleted for good"
            lines.append(f"{title:8}{run['kind'] or 'run'} {run['run_id'][:8]}, {about_it}")
            lines += [f"        {run['command']}"] if run["command"] else []
            lines += [f"        {name} {interval(effect)}" for name, effect in run["effects"].items()]
    _print(about, json, "\n".join(lines))


@app.command("compare")
def compare(
    vectors: list[str] = typer.Argument(help="Two or more vectors."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Put vectors side by side: facts and effects."""
    from rich.table import Table

    from steerstack.report.page import interval
    from steerstack_registry.write.stages import compare as put

    about = put(vectors, tracking_uri)
    if console.wrote(about, json):
        return
    table = Table("", *vectors)
    for key in ("method", "model", "created"):
        table.add_row(key, *(str(about["vectors"][vector][key]) for vector in vectors))
    for name, row in about["effects"].items():
        table.add_row(name, *(interval(row[vector]) if row[vector] else "" for vector in vectors))
    console.out.print(table)


@app.command("promote")
def promote(
    vector: str = VECTOR,
    alias: str = typer.Option("champion", help="Alias; 'none' for none."),
    stage: str | None = typer.Option(None, help="candidate, validated, production or archived."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Give a version an alias, which leaves any other version, and a stage."""
    from steerstack_registry.write.stages import promote as put

    about = put(vector, alias=None if alias == "none" else alias, stage=stage, tracking_uri=tracking_uri)
    _print(about, json, f"{about['uri']}: {', '.join(about['aliases'])}")


@app.command("verify")
def verify(
    vector: str = VECTOR,
    items: int = typer.Option(4, min=0, help="Recorded test items to measure again, 8 at most; 0 for none."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Recompute digests, reopen the model, measure a few items again; exit code 1 if a claim fails."""
    console.quiet()
    from steerstack_registry.read.verify import verify as look

    checks = look(vector, tracking_uri, items=items)
    words = {True: "holds", False: "FAILS", None: "not looked at"}
    _print(checks, json, "\n".join(f"{c['what']:14} {words[c['holds']]:14} {c['detail']}" for c in checks))
    if any(check["holds"] is False for check in checks):
        raise typer.Exit(1)


@app.command("gc")
def gc(
    delete: bool = typer.Option(False, help="Delete them; otherwise they are only listed."),
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """List the versions that have no effect, alias or stage and are not the newest of their vector."""
    from steerstack_registry.write.stages import collect_garbage

    rows = collect_garbage(delete=delete, tracking_uri=tracking_uri)
    outcome = "deleted" if delete else "could be deleted (--delete)"
    _print(rows, json, "\n".join([*(row["uri"] for row in rows), f"{len(rows)} {outcome}"]))


def _print(value: Any, json: str | None, text: str) -> None:
    if not console.wrote(value, json):
        console.out.print(text, highlight=False)
