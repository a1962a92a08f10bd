"""``steerstack doctor``: is everything in place?"""

import typer

from steerstack.cli import console


def doctor(
    tracking_uri: str | None = console.TRACKING,
    json: bool = console.PRINT_JSON,
) -> None:
    """Show versions, device, tracking store, embedded model and plugins; exit 1 if something is amiss."""
    from steerstack.health import report

    found = report(tracking_uri)
    if json:
        console.print_json(found)
    else:
        for entry in found["checks"]:
            mark = "[green]ok[/]  " if entry["ok"] else "[red]bad[/] "
            console.out.print(
                f"{mark} {entry['what']:18} {entry['found']}".replace("[/] [", "[/] \\["), highlight=False
            )
    if not found["ok"]:
        raise typer.Exit(1)
