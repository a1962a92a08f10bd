"""The command line: one thin file a command. Nothing heavy is imported before a command runs."""

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from steerstack.cli import (
    crosscheck,
    data,
    demo,
    doctor,
    evaluate,
    extensions,
    extract,
    models,
    plugins,
    probe,
    run,
    send,
    serve,
    stack,
    sweep,
    ui,
    vectors,
)
from steerstack.cli.console import complain


class _Commands(TyperGroup):
    """Our commands, and those of plugins; Ctrl-C in any of them says that nothing finished is lost."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *extensions.names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or extensions.find(cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("Stopped. What was finished is kept: the same command goes on from there.")
            raise typer.Exit(130) from None


app = typer.Typer(
    name="steerstack",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What does this steering vector improve, by how much, and does it still help on top of "
    "prompting and fine-tuning?",
)
app.command()(demo.demo)
app.command()(extract.extract)
app.command()(evaluate.evaluate)
app.command()(sweep.sweep)
app.command()(stack.stack)
app.command()(run.run)
app.command()(run.efficiency)
app.command()(run.generalize)
app.command()(run.frontier)
app.command()(probe.probe)
app.command()(ui.ui)
app.command()(send.send)
app.command()(serve.serve)
app.command()(crosscheck.crosscheck)
app.command()(doctor.doctor)
app.add_typer(data.app, name="data")
app.add_typer(models.app, name="models")
app.add_typer(vectors.app, name="vectors")
app.add_typer(plugins.app, name="plugins")


def main() -> None:
    """Run the command line; our own errors become messages and exit code 1."""
    from steerstack.errors import SteerstackError

    try:
        app()
    except SteerstackError as error:
        complain(str(error))
        sys.exit(1)
