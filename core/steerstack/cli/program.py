"""The program: every command by its name. Nothing heavy is imported before a command runs."""

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


class _Commands(TyperGroup):
    """Our commands, and those of plugins."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *extensions.names()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or extensions.find(cmd_name)


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
