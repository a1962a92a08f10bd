"""Options that several commands take."""

import click
import pytest
import typer
from tests.support.command import steerstack
from typer.testing import CliRunner

from steerstack.cli import options
from steerstack.cli.plan_options import VectorOptions
from steerstack.cli.program import app


@pytest.mark.parametrize(
    "address", ["http://ann:pl4nted@host", "postgresql://pl4nted@host/db", "https://host/?token=pl4nted",
                "sqlite:////a.db?key=pl4nted", "http://ann:pl4n/pl4nted@host"],
)  # fmt: skip
@pytest.mark.parametrize("command", [("doctor",), ("registry", "list"), ("sweep", "--data", "x", "--layers", "1")])
def test_a_password_is_no_argument(command, address):
    process = steerstack(*command, "--tracking-uri", address, check=False)
    assert process.returncode == 1
    assert "MLFLOW_TRACKING_PASSWORD" in process.stderr
    assert "pl4nted" not in process.stdout + process.stderr


def test_a_command_is_given_groups_of_what_was_typed():
    program, heard = typer.Typer(), []

    @program.command()
    @options.spread
    def command(
        *, source: options.DataOptions, name: str = typer.Option("x"), model: options.AskedModelOptions,
        vector: VectorOptions,
    ) -> None:  # fmt: skip
        heard.append((source, name, model, vector))

    typed = ["--limit", "3", "--model", "m", "--template", "a=1", "--template", "b=2", "--layer", "4", "--relative"]
    assert CliRunner().invoke(program, typed).exit_code == 0
    ((source, name, model, vector),) = heard
    assert (source.limit, source.behavior, name) == (3, None, "x")
    assert (model.model, model.template, model.revision, model.reasoning) == ("m", ["a=1", "b=2"], None, "closed")
    assert (vector.layer, vector.relative, vector.edit_set, vector.tokens) == ("4", True, [], "response")
    assert vector.edited.relative


def test_commands_that_open_a_model_take_the_same_options_and_explain_them_in_the_same_words():
    commands = typer.main.get_command(app).commands
    wanted = {"model", "revision", "dtype", "device", "remote", "plain_http", "template"}
    words = {}
    for name in ("extract", "evaluate", "probe", "doctor", "generate", "chat"):
        helps = {
            of.name: of.help for of in commands[name].params if isinstance(of, click.Option) or hasattr(of, "help")
        }
        words[name] = {option: helps[option] for option in wanted}
    assert len({tuple(sorted(of.items())) for of in words.values()}) == 1
