"""The command line: one thin file a command. Nothing heavy is imported before a command runs."""

import sys

import typer

from steerstack.cli import demo, doctor, evaluate, extract, models, plugins, send, stack, sweep, ui, vectors

app = typer.Typer(
    name="steerstack",
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
app.command()(ui.ui)
app.command()(send.send)
app.command()(doctor.doctor)
app.add_typer(models.app, name="models")
app.add_typer(vectors.app, name="vectors")
app.add_typer(plugins.app, name="plugins")


def main() -> None:
    """Run the command line; our own errors become messages and exit code 1."""
    from steerstack.cli.console import complain
    from steerstack.errors import SteerstackError

    try:
        app()
    except SteerstackError as error:
        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        complain("Stopped. What was finished is kept: the same command goes on from there.")
        sys.exit(130)
