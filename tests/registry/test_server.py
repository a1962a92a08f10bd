"""A real MLflow server, run as ``steerstack ui`` runs it, over HTTP."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.registry.conftest import free_port

from steerstack.errors import RegistryError
from steerstack.events import RunRecord
from steerstack.vector import SteeringVector
from steerstack_registry import listing
from steerstack_registry.connection import check
from steerstack_registry.load import load_vector
from steerstack_registry.outbox import KeptError, pending, record, send_all
from steerstack_registry.ui import serve


def _descendants(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in found.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    below, todo = [], [pid]
    while todo:
        todo += (here := children.get(todo.pop(), []))
        below += here
    return below


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_down_then_up_then_sent_once_over_http(
    start: "Callable[[int], subprocess.Popen[str]]", store: str, make_run: Callable[..., RunRecord],
    vector: SteeringVector, tmp_path: Path,
) -> None:  # fmt: skip
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with pytest.raises(KeptError):
        record(make_run(), address)
    server = start(port)
    assert check(address) == f"{address} answers"

    (sent,) = send_all()  # to the address it was meant for
    assert (sent.tracking_uri, pending()) == (address, [])
    assert load_vector(sent.model_uri, address).fingerprint == vector.fingerprint
    assert listing.show_vector("myopia--Tiny-1B--mean-difference", address)["effects"]["effect/alone"]["n"] == 20

    again = record(make_run(), address)
    assert again.model_uri == sent.model_uri
    from mlflow import MlflowClient

    client = MlflowClient(store)  # the same database, without the server
    (experiment,) = [e for e in client.search_experiments() if e.name == "steerstack/myopia"]
    assert {run.info.run_id for run in client.search_runs([experiment.experiment_id])} == {sent.run_id, again.run_id}
    run = client.get_run(again.run_id)
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["myopia-test"]
    assert run.inputs.model_inputs

    directly = record(make_run(), store)  # files, too, are found with and without the server
    assert directly.model_uri == sent.model_uri
    assert load_vector(sent.model_uri, store).fingerprint == vector.fingerprint
    assert "report" in {entry.path for entry in MlflowClient(address).list_artifacts(directly.run_id)}

    with pytest.raises(RegistryError, match="cannot be listened on"):
        serve(None, port=port)
    below = _descendants(server.pid)
    assert 1 <= len(below) <= 3
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 0
    time.sleep(0.2)
    assert [pid for pid in below if _alive(pid)] == []
    assert os.listdir(tmp_path / "cwd") == []


def test_a_remote_store_is_only_named() -> None:
    said: list[str] = []
    assert serve("https://ann:secret@mlflow.example", announce=said.append) == "https://***@mlflow.example"
    assert said == ["https://***@mlflow.example"]


def test_a_store_without_pages_is_refused() -> None:
    with pytest.raises(RegistryError, match="not a store"):
        serve("file:///tmp/somewhere")
