"""The command ``serve`` with OpenAI's protocol: what it takes, and what a client is told that it needs."""

import re

import pytest
import torch
from typer.testing import CliRunner

from steerstack.cli import app
from steerstack.errors import ParameterError, RemoteError
from steerstack.serving.openai import serve
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import WIDTH


def run(*arguments):
    result = CliRunner().invoke(app, ["serve", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--vector", "v=v.safetensors"], "--vector does not go without --openai"),
        (["--backend", "vllm"], "--backend does not go without"),
        (["--openai", "--job-gb", "4"], "--job-gb does not go with --openai"),
        (["--openai", "--vector", "v.safetensors"], "NAME=FILE"),
        (["--openai", "--vector", "a/b=v.safetensors"], "without a slash"),
        (["--openai", "--vector", "a=v", "--vector", "a=w"], "name of its own"),
    ],
)
def test_options_that_would_be_ignored_are_refused(arguments, told):
    with pytest.raises(ParameterError) as error:
        run(*arguments)
    assert told in str(error.value)


def test_beyond_this_machine_it_needs_a_token(monkeypatch):
    monkeypatch.delenv("STEERSTACK_SERVE_TOKEN", raising=False)
    with pytest.raises(RemoteError, match="from other machines"):
        run("nothing", "--openai", "--host", "0.0.0.0")


def test_it_makes_a_token_and_says_what_a_client_needs(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.delenv("STEERSTACK_SERVE_TOKEN", raising=False)
    apps, file = [], tmp_path / "v.safetensors"
    SteeringVector({1: torch.ones(WIDTH)}).save(file)
    monkeypatch.setattr(serve.uvicorn, "run", lambda app, **_: apps.append(app))
    output = run(tiny_folder, "--openai", "--vector", f"v={file}", "--port", "9123")
    assert re.search(r"OPENAI_BASE_URL=http://127.0.0.1:9123/v1 OPENAI_API_KEY=\S{32}", "".join(output.split("\n")))
    assert len(apps) == 1
