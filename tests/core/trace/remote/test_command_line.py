"""``steerstack serve``, in a process of its own, and ``--remote`` as a user meets them."""

import json
import os
import subprocess
import sys

import pytest
import typer
import yaml
from tests.support.command import steerstack
from tests.support.hostile import hostile_server
from tests.support.ports import free_port
from tests.support.wait import until_it_answers

from steerstack.catalog.data import load_data
from steerstack.cli import app
from steerstack.cli.outputs import Outputs, perform
from steerstack.steering.vector import SteeringVector
from steerstack.study.study_file import load_study
from steerstack.techniques.extract import extract
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.mean_difference import MeanDifference


@pytest.fixture(scope="module")
def host(tiny_folder, tmp_path_factory):
    port, log = free_port(), tmp_path_factory.mktemp("serve") / "log"
    command = [sys.executable, "-m", "steerstack", "serve", str(tiny_folder), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            env={**os.environ, "OMP_NUM_THREADS": "1", "STEERSTACK_SERVE_TOKEN": "secret"},
        )
    until_it_answers(process, f"http://127.0.0.1:{port}/env")
    assert "runs whatever code its clients send" in log.read_text()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def test_extract_sweep_and_evaluate(host, tiny_folder, table, tmp_path):
    common = ["--model", tiny_folder, "--data", table, "--limit", 6, "--remote", host]
    vector = tmp_path / "v.safetensors"
    steerstack("extract", *common, "--out", vector, STEERSTACK_SERVE_TOKEN="secret")
    here = open_model(tiny_folder)
    expected, file_vector = extract(here, load_data(table).limit(6), MeanDifference()), SteeringVector.load(vector)
    here.check_vector(file_vector)  # it belongs to the model wherever it runs
    assert all((file_vector[layer] - expected[layer]).norm() < 1e-4 for layer in expected.layers)
    swept = steerstack(
        "sweep",
        *common,
        "--vector",
        vector,
        "--layers",
        "1,2",
        "--scales=-1,1,2",
        "--json",
        "-",
        STEERSTACK_SERVE_TOKEN="secret",
    )
    assert len(json.loads(swept.stdout)["arms"]) == 6
    use = ["--data", table, "--limit", 6, "--vector", vector, "--layer", 1, "--json", "-"]
    whys = [
        steerstack(
            "doctor", "--why", "--model", tiny_folder, *use, *where, check=False, STEERSTACK_SERVE_TOKEN="secret"
        )
        for where in (["--remote", host], [])
    ]
    causes = [json.loads(why.stdout)["cause"] for why in whys]
    assert causes[0] == causes[1]
    refused = steerstack(
        "evaluate",
        *common,
        "--vector",
        vector,
        "--layer",
        1,
        check=False,
        STEERSTACK_SERVE_TOKEN=None,
        NDIF_API_KEY="secret",
    )
    assert refused.returncode == 1
    assert "refuses the API key" in refused.stderr
    assert "Traceback" not in refused.stderr


STUDIES = {
    "sweep": {"layers": [1, 2], "scales": [-1, 1], "nulls": 1},
    "stack": {"finetunes": [], "layers": [1, 2], "shares": [0.2], "nulls": 1, "neighbors": 0},
    "efficiency": {"techniques": ["mean-difference"], "sizes": [4], "seeds": 1, "layers": [1]},
    "generalize": {"techniques": ["mean-difference"], "layers": [1], "nulls": 0},
}


@pytest.mark.parametrize("study", STUDIES)  # frontier runs what efficiency runs, many times over
def test_a_study_file_names_the_server(study, host, tiny_folder, table, tmp_path, monkeypatch):
    monkeypatch.setenv("STEERSTACK_SERVE_TOKEN", "secret")
    declared = {"study": study, "model": str(tiny_folder), "data": str(table), **STUDIES[study]}
    results = []
    for remote in (host, None):
        monkeypatch.setenv("STEERSTACK_HOME", str(tmp_path / str(remote is None)))
        (tmp_path / "study.yaml").write_text(yaml.safe_dump({**declared, "remote": remote}))
        perform(
            load_study(tmp_path / "study.yaml", remote=remote),
            Outputs(record=False, json=str(tmp_path / "result.json")),
        )
        results.append(json.loads((tmp_path / "result.json").read_text()))
    there, here = results
    same(there, here, "")


def same(one, other, place):
    """The same but for rounding, time, and where files lie."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert set(one) == set(other), place
        for name in set(one) - {"seconds", "report", "frame", "folder", "fingerprint", "vector", "vector_fingerprint"}:
            same(one[name], other[name], f"{place}.{name}")
    elif isinstance(one, list):
        assert len(one) == len(other), place
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            same(first, second, f"{place}[{index}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-3, rel=1e-3, nan_ok=True), place


def test_every_command_that_runs_a_model_takes_remote():
    """But for a server, another engine, what trains weights, and what reads the table of words."""
    without = {"serve", "crosscheck", "audit", "show"}
    missing = []
    for command in commands(typer.main.get_command(app)):
        options = {option for parameter in command.params for option in parameter.opts}
        opens = options & {"--dtype", "--device"}
        if opens and "--remote" not in options and command.name not in without:
            missing.append(command.name)
    assert not missing


def commands(command):
    members = getattr(command, "commands", None)
    return [command] if members is None else [one for sub in members.values() for one in commands(sub)]


def test_serve_is_not_open_to_others_without_a_token(tiny_folder):
    refused = steerstack("serve", tiny_folder, "--host", "0.0.0.0", check=False)
    assert refused.returncode == 1
    assert "STEERSTACK_SERVE_TOKEN" in refused.stderr


def test_a_token_is_no_argument(tiny_folder):
    refused = steerstack("serve", tiny_folder, "--token", "secret", check=False)
    assert refused.returncode == 2


def test_a_server_is_not_followed_on_a_files_word(tiny_folder, table, tmp_path):
    """Nothing is sent to it, not even a first look; the command line names it or another one."""
    with hostile_server() as server:
        declared = {"study": "sweep", "model": str(tiny_folder), "data": str(table), "remote": server.host}
        (tmp_path / "study.yaml").write_text(yaml.safe_dump({**declared, **STUDIES["sweep"]}))
        for words in ([], ["--plan-only"]):
            refused = steerstack("run", tmp_path / "study.yaml", *words, check=False)
            assert refused.returncode == 1
            assert "not followed on a file's word" in refused.stderr
        assert not server.asked
        steerstack("run", tmp_path / "study.yaml", "--remote", server.host, check=False)
        assert server.asked
