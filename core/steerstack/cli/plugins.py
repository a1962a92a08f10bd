"""``steerstack plugins``: what is installed, and what failed."""

import typer

from steerstack.cli import console

app = typer.Typer(no_args_is_help=True, help="Look at installed plugins.")


@app.command("list")
def list_plugins(json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List what plugins offer, and those that failed to import with their cause."""
    from rich.table import Table

    from steerstack.listing import plugin_rows

    rows = plugin_rows()
    if json:
        console.print_json(rows)
        return
    table = Table("kind", "name", "package", "version", "status")
    for row in rows:
        status = "ok" if row["status"] == "ok" else f"failed: {row['cause']}"
        table.add_row(row["kind"], row["name"], row["package"], row["version"], status.replace("[", r"\["))
    console.out.print(table)
