"""The command line as a user meets it: real files, real mistakes, and real processes where they are the point."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from tests.core.cli.interrupts import MESSAGE, rain, started
from tests.support.command import steerstack as run
from tests.support.wait import PATIENCE, until

from steerstack.testing.kit.method import HEAVY


def steerstack(*args, check=True, **env):
    """In a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", "steerstack", *map(str, args)],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **env}, check=False,
    )  # fmt: skip
    assert not check or process.returncode == 0, process.stderr
    return process


@pytest.fixture(scope="module")
def vector(tiny_folder, tmp_path_factory):
    """A vector extracted from the tiny model by the command itself, in a process of its own."""
    folder = tmp_path_factory.mktemp("vector")
    table = folder / "kindness.jsonl"
    rows = [
        {
            "question": f"What about case {i}?",
            "exhibits": f"I would help with {i} gladly.",
            "not": f"Case {i} is not mine.",
        }
        for i in range(24)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    extract = ("extract", "--model", tiny_folder, "--data", table, "--out", folder / "v.safetensors")
    steerstack(*extract, "--dump", folder / "d.jsonl", STEERSTACK_HOME=str(folder / "home"))
    return folder


LOADED = """
import atexit, sys
heavy, sys.argv[1:] = sys.argv[1:], ["--help"]
atexit.register(lambda: print(len(sys.modules), *[name for name in heavy if name in sys.modules], file=sys.stderr))
from steerstack.cli import main
main()
"""


def test_help_imports_nothing_heavy_and_little_else():
    more = ("accelerate", "httpx", "matplotlib", "openai", "pyarrow", "statsmodels")
    process = subprocess.run([sys.executable, "-c", LOADED, *HEAVY, *more], capture_output=True, text=True, check=True)
    assert "registry" in process.stdout  # the plugins were asked for their commands
    count, *heavy = process.stderr.split()
    assert not heavy
    assert int(count) < 1000  # torch alone brings 1500, a command's own libraries 2600


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "extract",
        "evaluate",
        "sweep",
        "stack",
        "ui",
        "send",
        "doctor",
        "models inspect",
        "registry list",
        "vectors show",
        "plugins list",
    ],
)
def test_every_command_has_help(command):
    assert "Usage" in run(*command.split(), "--help").stdout


def test_extract_writes_the_contract(vector):
    with safe_open(vector / "v.safetensors", "pt") as file:
        header = json.loads(file.metadata()["steerstack"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert sorted(tensors) == [f"layer.{i}" for i in range(4)]
    assert all(t.shape == (32,) and t.dtype == torch.float32 for t in tensors.values())
    assert {
        "format_version",
        "method",
        "parameters",
        "site",
        "position",
        "model_name",
        "model_fingerprint",
        "data_digest",
        "n_pairs",
        "norms",
    } <= set(header)
    lines = [json.loads(line) for line in (vector / "d.jsonl").read_text().splitlines()]
    assert len(lines) == 24 == header["n_pairs"]
    for line in lines:
        for side in ("positive", "negative"):
            assert line[side]["positions"] == [len(line[side]["token_ids"]) - 1]


def test_evaluate_and_its_dump_agree(vector, tiny_folder):
    out, dump = vector / "e.json", vector / "e.jsonl"
    run("evaluate", "--model", tiny_folder, "--data", vector / "kindness.jsonl", "--score", "letter", "--vector", vector / "v.safetensors",
        "--layer", 2, "--scale", 2, "--json", out, "--dump", dump)  # fmt: skip
    result = json.loads(out.read_text())
    lines = [json.loads(line) for line in dump.read_text().splitlines()]
    assert len(lines) == 2 * result["n"]
    from steerstack.steering.vector import SteeringVector
    from steerstack.trace.open import open_model

    model, direction = open_model(tiny_folder), SteeringVector.load(vector / "v.safetensors")[2]
    odds: dict[str, list[float]] = {}
    for line in lines:
        pair = []
        for option in ("exhibits", "not"):
            ids = line["options"][option]["token_ids"]

            def hook(_m, _a, output, line=line):
                output = output.clone()
                output[:, line["edited_positions"]] += 2 * direction
                return output

            handle = model.module.model.layers[2].register_forward_hook(hook)
            with torch.no_grad():
                logp = model.module(torch.tensor([ids])).logits[0].log_softmax(-1)
            handle.remove()
            start = line["options"][option]["answer_start"]
            pair.append(sum(float(logp[p - 1, ids[p]]) for p in range(start, len(ids))))
        odds.setdefault(line["id"], []).append(pair[0] - pair[1])
    for item in result["items"]:
        assert item["log_odds"] == pytest.approx(np.mean(odds[item["id"]]), abs=1e-4)
    assert result["edited_positions"] == sum(len(line["edited_positions"]) for line in lines)


def test_sweep_writes_the_contract_and_scale_zero_is_unsteered(vector, tiny_folder):
    out = vector / "s.json"
    run("sweep", "--model", tiny_folder, "--data", vector / "kindness.jsonl", "--vector", vector / "v.safetensors", "--layers", "1,2",
        "--scales=-1,0,1", "--json", out)  # fmt: skip
    result = json.loads(out.read_text())
    assert [(arm["layer"], arm["scale"]) for arm in result["arms"]] == [(x, s) for x in (1, 2) for s in (-1, 0, 1)]
    for arm in result["arms"]:
        assert (arm["kl"] == pytest.approx(0, abs=1e-9)) == (arm["scale"] == 0)
        if arm["scale"] == 0:
            assert arm["estimate"] == result["unsteered"]
    assert len(result["items"]) == 24


def test_models_inspect(tiny_folder):
    about = json.loads(run("models", "inspect", tiny_folder, "--json").stdout)
    assert (about["n_layers"], about["d_model"], len(about["sites"])) == (4, 32, 20)
    assert "median norm" in run("models", "inspect", tiny_folder).stdout


def test_plugins_list_follows_the_contract():
    rows = json.loads(run("plugins", "list", "--json").stdout)
    assert {"kind", "name", "package", "version", "status", "cause"} == set(rows[0])
    assert ("extractor", "mean-difference") in {(row["kind"], row["name"]) for row in rows}


MISTAKES = {
    "missing data": (["extract", "--data", "nowhere.csv", "--out", "x.safetensors"], "no data file"),
    "unknown behaviour": (["extract", "--data", "sycophanci", "--out", "x.safetensors"], "did you mean 'sycophancy'"),
    "unknown method": (["extract", "--data", "{data}", "--method", "mean-diference", "--out", "x.safetensors"], "did you mean 'mean-difference'"),
    "unknown position": (["extract", "--data", "{data}", "--position", "anser", "--out", "x.safetensors"], "did you mean 'answer'"),
    "unknown component": (["extract", "--data", "{data}", "--component", "resid", "--out", "x.safetensors"], "no component"),
    "missing vector": (["evaluate", "--data", "{data}", "--vector", "nowhere.safetensors", "--layer", "1"], "no vector file"),
    "layer out of range": (["evaluate", "--data", "{data}", "--vector", "{vector}", "--layer", "99"], "Layer 99 is out of range"),
    "position out of range": (["evaluate", "--data", "{data}", "--vector", "{vector}", "--layer", "1", "--tokens", "5000"], "Position 5000 is out of range"),
    "unknown score": (["evaluate", "--data", "{data}", "--score", "leter"], "did you mean 'letter'"),
    "unknown edit": (["evaluate", "--data", "{data}", "--vector", "{vector}", "--layer", "1", "--edit", "ad"], "did you mean 'add'"),
    "no layer": (["evaluate", "--data", "{data}", "--vector", "{vector}"], "needs a layer"),
    "layers not numbers": (["sweep", "--data", "{data}", "--vector", "{vector}", "--layers", "1,x"], "'layers.1' of the study does not fit. seen: 'x'"),
    "limit of nothing": (["evaluate", "--data", "{data}", "--limit", "0"], "leaves no items"),
    "unknown baseline": (["stack", "--data", "{data}", "--finetunes", "lora-stf"], "did you mean 'lora-sft'"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_plainly(name, vector, tiny_folder):
    args, message = MISTAKES[name]
    places = {"{data}": vector / "kindness.jsonl", "{vector}": vector / "v.safetensors"}
    process = run(*(places.get(arg, arg) for arg in args), "--model", tiny_folder, check=False)
    assert process.returncode == 1
    assert message in " ".join(process.stderr.split())
    assert "Traceback" not in process.stderr


def test_a_vector_from_other_weights_is_refused_unless_meant(vector, tmp_path):
    from steerstack.testing.models import tiny_model, tiny_tokenizer

    tiny_model(seed=7).save_pretrained(tmp_path / "other")
    tiny_tokenizer().save_pretrained(tmp_path / "other")
    args = [
        "evaluate",
        "--model",
        tmp_path / "other",
        "--data",
        vector / "kindness.jsonl",
        "--vector",
        vector / "v.safetensors",
        "--layer",
        1,
    ]
    process = run(*args, check=False)
    assert process.returncode == 1
    assert "made from other weights" in process.stderr
    run(*args, "--transfer")


def _stack(folder, model, out):
    return ["stack", "--behavior", "kindness", "--data", folder / "kindness.jsonl", "--layers", "1,2", "--shares", "0.1,0.3", "--nulls", "2",
            "--no-record", "--json", out, "--model", model]  # fmt: skip


def _result(file):
    result = json.loads(file.read_text())
    result.pop("report"), result.pop("frame")
    result["finetunes"]["lora-sft"].pop("seconds")
    return result


@pytest.fixture(scope="module")
def calm(vector, tiny_folder):
    """What the study gives where nobody stops it."""
    home = {"STEERSTACK_HOME": str(vector / "calm"), "STEERSTACK_BATCH_TOKENS": "2048"}  # the batches of any test
    run(*_stack(vector, tiny_folder, vector / "calm.json"), **home)
    return _result(vector / "calm.json")


@pytest.mark.parametrize("signal_sent", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_stack_goes_on_and_gives_the_same_numbers(calm, vector, tiny_folder, tmp_path, signal_sent):
    home = {"STEERSTACK_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "steerstack", *_stack(vector, tiny_folder, tmp_path / "a.json")]
    killed = started(command, env=home, stdout=subprocess.DEVNULL)
    ledgers = lambda: [p for p in (tmp_path / "home").rglob("ledger.jsonl") if p.read_text().count("\n") >= 3]  # noqa: E731
    until(lambda: ledgers() or killed.poll() is not None, "three steps")
    if signal_sent == signal.SIGKILL:
        killed.kill()
        _, errors = killed.communicate(timeout=PATIENCE)
        assert killed.returncode == -signal.SIGKILL, errors
    else:
        code, errors = rain(killed)
        assert code == 130, errors
        assert errors.count(MESSAGE) == 1
    assert not (tmp_path / "a.json").exists()
    lines = ledgers()[0].read_text().splitlines()
    run(*_stack(vector, tiny_folder, tmp_path / "b.json"), **home)
    assert ledgers()[0].read_text().splitlines()[: len(lines) - 1] == lines[:-1]  # nothing finished was redone
    assert _result(tmp_path / "b.json") == calm
