"""``steerstack doctor``: is everything in place?"""

import typer

from steerstack.cli import console, options


def doctor(
    tracking_uri: str | None = options.TRACKING,
    json: str | None = options.JSON,
) -> None:
    """Show versions, device, tracking store, embedded model and plugins; exit 1 if something is amiss."""
    from steerstack.cli.health import report

    found = report(tracking_uri)
    if not console.wrote(found, json):
        for entry in found["checks"]:
            mark, style = ("ok  ", "green") if entry["ok"] else ("bad ", "red")
            console.out.say(f" {entry['what']:18} {entry['found']}", mark=mark, style=style)
    if not found["ok"]:
        raise typer.Exit(1)
