"""Vector folders: what is pushed comes back, on any fsspec path and from the hub; a changed byte does not."""

import json
import subprocess

import fsspec
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from steerstack import load_vector
from steerstack.cli import app
from steerstack.errors import VectorError
from steerstack.exchange import vector_folder
from steerstack.steering.vector import Origin, SteeringVector

EFFECTS = {"effect/alone": {"value": 0.3, "ci_low": 0.1, "ci_high": 0.5, "n": 20}}


@pytest.fixture
def vector():
    origin = Origin("mean-difference", {}, "response", "someone/Tiny-1B", "f" * 64, "d" * 64, 10, "kindness")
    return SteeringVector({1: torch.arange(1.0, 9.0), 3: torch.ones(8)}, origin=origin)


@pytest.fixture(params=["memory", "file", "folder"])
def place(request, tmp_path):
    return {"memory": f"memory://{tmp_path}/v", "file": f"file://{tmp_path}/v", "folder": str(tmp_path / "v")}[
        request.param
    ]


def test_what_is_pushed_comes_back(vector, place):
    vector_folder.push(vector, place, {"card": "# Kind", "effects": EFFECTS, "run_id": "r1"})
    loaded = load_vector(place)
    assert (loaded.fingerprint, loaded.origin) == (vector.fingerprint, vector.origin)
    filesystem, path = fsspec.core.url_to_fs(place)
    assert json.loads(filesystem.cat_file(f"{path}/effects.json")) == EFFECTS
    assert json.loads(filesystem.cat_file(f"{path}/provenance.json"))["registry"] == {"run_id": "r1"}
    card = filesystem.cat_file(f"{path}/README.md").decode()
    assert 'base_model: "someone/Tiny-1B"' in card
    assert card.endswith("# Kind\n")


@pytest.mark.parametrize("name", vector_folder.FILES)
def test_a_flipped_byte_is_refused_by_name(vector, place, name):
    vector_folder.push(vector, place, {"effects": EFFECTS})
    filesystem, path = fsspec.core.url_to_fs(place)
    sound = filesystem.cat_file(f"{path}/{name}")
    filesystem.pipe_file(f"{path}/{name}", sound[:-1] + bytes([sound[-1] ^ 1]))
    with pytest.raises(VectorError, match=f"{name} of .* is not the one that was pushed"):
        load_vector(place)


def test_the_sums_are_those_of_sha256sum(vector, tmp_path):
    vector_folder.push(vector, str(tmp_path / "v"), {})
    subprocess.run(["sha256sum", "--check", "--strict", vector_folder.SUMS], cwd=tmp_path / "v", check=True)


def test_places_that_hold_none(tmp_path):
    with pytest.raises(VectorError, match="No vector folder can be read"):
        load_vector("memory://nowhere")
    with pytest.raises(VectorError, match="is no vector folder"):
        load_vector(tmp_path)
    with pytest.raises(VectorError, match="No vector folder can be read"):
        load_vector("nosuchprotocol://a/b")


def test_push_and_pull_on_the_command_line(vector, tmp_path):
    def run(*arguments):
        result = CliRunner().invoke(app, ["vectors", *map(str, arguments)])
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    vector.save(tmp_path / "v.safetensors")
    run("push", tmp_path / "v.safetensors", f"file://{tmp_path}/shared")
    assert "checksums hold" in run("pull", f"file://{tmp_path}/shared", "--out", tmp_path / "here")
    assert load_vector(tmp_path / "here").fingerprint == vector.fingerprint
    for place in (tmp_path / "here", f"file://{tmp_path}/shared"):
        assert json.loads(run("show", place, "--json"))["fingerprint"] == vector.fingerprint
        run("export", place, "--out", tmp_path / "v.npy", "--format", "plain", "--layers", vector.layers[0])
        assert np.load(tmp_path / "v.npy").shape[-1] == vector.d_model
