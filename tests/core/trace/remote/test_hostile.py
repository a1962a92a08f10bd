"""Nothing that a server answers runs code here: by the command line, by Python, and by nnsight's own client."""

import pytest
import safetensors.torch
import torch
from tests.support.command import steerstack
from tests.support.hostile import Touch, hostile_server, saved

from steerstack.errors import RemoteError
from steerstack.trace.open import open_model


@pytest.fixture
def server():
    with hostile_server() as site:
        yield site


@pytest.fixture
def ran(tmp_path):
    return tmp_path / "ran"


def commands(table, folder, vector):
    data = ["--data", table, "--limit", 4]
    return {
        "models": ["models", "inspect", folder],
        "extract": ["extract", "--model", folder, *data, "--out", "v.safetensors"],
        "evaluate": ["evaluate", "--model", folder, *data],
        "sweep": ["sweep", "--model", folder, *data, "--vector", vector, "--layers", "1"],
        "stack": ["stack", "--model", folder, *data],
    }


@pytest.mark.parametrize("name", commands("", "", ""))
def test_no_command_runs_what_a_server_sends(server, ran, name, tiny_folder, table, tmp_path):
    server.result = saved({"said": Touch(ran)})
    words = commands(table, tiny_folder, tmp_path / "v.safetensors")[name]
    process = steerstack(*words, "--remote", server.host, check=False, cwd=tmp_path)
    assert process.returncode != 0
    assert "Traceback" not in process.stderr
    assert "/result/1" in [path for _, path, _ in server.asked], "it asked for the result"
    assert not ran.exists()


def inner(said):
    return saved({"said": safetensors.torch.save({"json": torch.frombuffer(bytearray(said), dtype=torch.uint8)})})


def answers(ran):
    return {
        "code": saved({"said": Touch(ran)}),
        "code within": saved({"said": saved(Touch(ran), compress=False)}),
        "no pickle": b"hello",
        "nothing": saved(None),
        "another name": saved({"x": 1}),
        "a value of no kind": inner(b'["value"]'),
        "an error of no kind": inner(b'{"tuple": ["error", "difflib", {"tuple": ["a", "b", "c"]}]}'),
        "a class": inner(b'{"tuple": ["value", {"object": "subprocess:Popen", "parts": {"args": "true"}}, 0]}'),
        "an odd greeting": inner(b'{"tuple": ["value", {"dict": [["dtype", "load"]]}, 0]}'),
    }


@pytest.mark.parametrize("name", answers(None))
def test_what_is_no_answer_is_one_error(server, ran, name, tiny_folder):
    server.result = answers(ran)[name]
    with pytest.raises(RemoteError):
        open_model(tiny_folder, remote=server.host)
    assert not ran.exists()
