"""``steerstack plugins``: what is installed, and what failed."""

from pathlib import Path

import typer

from steerstack.cli import console, options

app = typer.Typer(no_args_is_help=True, help="Look at installed plugins.")


@app.command("list")
def list_plugins(json: str | None = options.JSON) -> None:
    """List what plugins offer, and those that failed to import with their cause."""
    from rich.table import Table

    from steerstack.catalog.listing import plugin_rows

    rows = plugin_rows()
    if console.wrote(rows, json):
        return
    table = Table("kind", "name", "package", "version", "status")
    for row in rows:
        status = "ok" if row["status"] == "ok" else f"failed: {row['cause']}"
        table.add_row(row["kind"], row["name"], row["package"], row["version"], status.replace("[", r"\["))
    console.out.print(table)


@app.command("show")
def show_plugin(
    name: str = typer.Argument(help="Name, as `steerstack plugins list` has it."),
    json: str | None = options.JSON,
) -> None:
    """Show what a method does, its paper, and its parameters with types and defaults."""
    from rich.table import Table

    from steerstack.catalog.listing import plugin_card

    cards = plugin_card(name)
    if console.wrote(cards, json):
        return
    for card in cards:
        about = f"{card['kind']} {card['name']}, from {card['package']} {card['version']}"
        needs = f"\nneeds: {', '.join(card['needs'])}" if card["needs"] else ""
        paper = f"\npaper: {card['paper']}" if card["paper"] else ""
        console.out.print(f"{about}{paper}{needs}\n\n{card['description']}\n", highlight=False)
        if card["parameters"]:
            table = Table("parameter", "type", "default", "")
            for row in card["parameters"]:
                default = "required" if row["required"] else repr(row["default"])
                table.add_row(row["name"], row["type"].replace("[", r"\["), default, row["description"])
            console.out.print(table)


@app.command("new")
def new_plugin(
    name: str = typer.Argument(help="Name of the package, such as my-lab-steering."),
    folder: Path = typer.Option(Path(), help="Where its folder is made."),
) -> None:
    """Write the package of a new plugin, with a method and tests that pass as written."""
    from steerstack.cli.plugin_skeleton import write_skeleton

    paths = write_skeleton(name, folder)
    for path in paths:
        console.out.print(str(path), highlight=False)
    console.console.print(f"Next: pip install -e {folder / name}, then pytest {folder / name}", highlight=False)
