"""The program: every command by its name. Nothing heavy is imported before a command runs."""

from typing import Any

import typer
from typer.core import TyperGroup

from steerstack.cli import console, extensions
from steerstack.cli.commands import (
    crosscheck,
    data,
    demo,
    doctor,
    evaluate,
    extract,
    models,
    play,
    plugins,
    probe,
    send,
    serve,
    speak,
    studies,
    ui,
    vectors,
)


class _Commands(TyperGroup):
    """Our commands, and those of plugins."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A bare ``--json`` prints, as ``--json -`` does."""
        return super().parse_args(ctx, args if args[:1] == ["lm-eval"] else _json_printed(args))

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *extensions.names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or extensions.find(cmd_name)


def _json_printed(args: list[str]) -> list[str]:
    words = []
    for word, following in zip(args, [*args[1:], "--"], strict=True):
        words.append(word)
        if word == "--json" and following.startswith("-") and following != "-":
            words.append("-")
    return words


def _version(wanted: bool) -> None:
    if wanted:
        from steerstack import __version__

        console.out.print(f"steerstack {__version__}", highlight=False)
        raise typer.Exit


app = typer.Typer(
    name="steerstack",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="What does this steering vector improve, by how much, and does it still help on top of "
    "prompting and fine-tuning?",
)


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say which version it is."),
) -> None:
    """What every command shares: nothing."""
    del version


app.command()(demo.demo)
app.command()(extract.extract)
app.command()(evaluate.evaluate)
app.command()(speak.generate)
app.command()(speak.chat)
app.command()(play.play)
app.command()(studies.run)
app.command()(probe.probe)
app.command()(ui.ui)
app.command()(send.send)
app.command()(serve.serve)
app.command()(crosscheck.crosscheck)
app.command()(doctor.doctor)
app.add_typer(studies.new, name="new")
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.add_typer(vectors.app, name="vectors")
app.add_typer(plugins.app, name="plugins")
