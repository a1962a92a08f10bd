"""Commands that plugins bring, studies among them: looked for only where help is shown or a name is not ours."""

from collections.abc import Callable
from typing import Any

import typer


def names() -> list[str]:
    """Names of the studies and commands that plugins offer; those of strangers as ``package/name``."""
    from steerstack.catalog.manager import plugins

    return sorted([*plugins().offers("study"), *plugins().commands()])


def find(name: str) -> Any:
    """The command of a name, or None."""
    from steerstack.catalog.manager import plugins

    offered: Callable[..., Any] | typer.Typer | None = plugins().commands().get(name)
    study = plugins().offers("study").get(name)
    if study is not None:
        from steerstack.cli.study_command import study_command

        offered = study_command(study)
    if offered is None:
        return None
    if isinstance(offered, typer.Typer):
        app = offered
    else:
        app = typer.Typer(add_completion=False)
        app.command()(offered)
    command = typer.main.get_command(app)
    command.name = name
    return command
