"""A real MLflow server, run as ``steerstack ui`` runs it, over HTTP."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.registry import example, multiply
from tests.support.ports import free_port
from tests.support.wait import until

from steerstack.contracts.recorder import RunRecord
from steerstack.errors import RegistryError
from steerstack.steering.vector import SteeringVector
from steerstack_registry.access.connection import check, reaching
from steerstack_registry.pages.serve_ui import serve
from steerstack_registry.read import listing, rows
from steerstack_registry.read.by_client import ClientSource
from steerstack_registry.read.by_rest import served
from steerstack_registry.read.load_vector import load_vector
from steerstack_registry.write.outbox import KeptError, pending, record, send_all

pytestmark = pytest.mark.xdist_group("ui")


def _descendants(pid: int) -> list[int]:
    table = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in table.splitlines():
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


_SERVE = """
import sys
from steerstack_registry.pages.serve_ui import serve
serve(None, port=int(sys.argv[1]), announce=lambda address: print(address, flush=True))
"""


class Ui:
    """``steerstack ui`` on the default store of a home, whose vectors are more than are asked for at once."""

    def __init__(self, home: Path) -> None:
        self.home, self.port, self.cwd = home, free_port(), home / "cwd"
        self.address, self.store = f"http://127.0.0.1:{self.port}", f"sqlite:///{home / 'mlflow.db'}"
        self.process: subprocess.Popen[str] | None = None
        self.cwd.mkdir()

    def start(self) -> int:
        """Start it, unless it runs, and return its number once it answers."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, str(self.port)], stdout=subprocess.PIPE, text=True, cwd=self.cwd,
                env={**os.environ, "STEERSTACK_HOME": str(self.home)},
            )  # fmt: skip
            assert self.process.stdout is not None
            assert self.process.stdout.readline().strip() == self.address
        return self.process.pid

    def stop(self) -> int:
        """Press Ctrl-C, if it runs, and return its exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=60)
        ended, self.process = self.process, None
        return ended.returncode


@pytest.fixture(scope="module")
def ui(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    one = Ui(tmp_path_factory.mktemp("ui"))
    shutil.copy(empty_store, one.home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERSTACK_HOME", str(one.home))
        record(example(), one.store)
    multiply(one.home / "mlflow.db", 60)
    yield one
    one.stop()


def test_down_then_up_then_sent_once_over_http(
    ui: Ui, make_run: Callable[..., RunRecord], vector: SteeringVector
) -> None:
    ui.stop()
    with pytest.raises(KeptError):
        record(make_run(), ui.address)
    ui.start()
    assert check(ui.address) == f"{ui.address} answers"

    (sent,) = send_all()  # to the address it was meant for
    assert (sent.tracking_uri, pending()) == (ui.address, [])
    assert load_vector(sent.model_uri, ui.address).fingerprint == vector.fingerprint
    assert listing.show_vector("myopia--Tiny-1B--mean-difference", ui.address)["effects"]["effect/alone"]["n"] == 20

    again = record(make_run(card="# Better"), ui.address)  # the same content would be one record
    assert again.model_uri == sent.model_uri
    from mlflow import MlflowClient

    client = MlflowClient(ui.store)  # the same database, without the server
    (experiment,) = [e for e in client.search_experiments() if e.name == "steerstack/myopia"]
    assert {run.info.run_id for run in client.search_runs([experiment.experiment_id])} == {sent.run_id, again.run_id}
    run = client.get_run(again.run_id)
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["myopia-test"]
    assert run.inputs.model_inputs

    directly = record(make_run(), ui.store)  # files, too, are found with and without the server
    assert directly.model_uri == sent.model_uri
    assert load_vector(sent.model_uri, ui.store).fingerprint == vector.fingerprint
    assert "report" in {entry.path for entry in MlflowClient(ui.address).list_artifacts(directly.run_id)}


def test_a_servers_list_is_mlflows_own_and_waits_for_nothing_heavy(ui: Ui, make_run: Callable[..., RunRecord]) -> None:
    ui.start()
    record(make_run(behavior="listed"), ui.store)  # one of its effects is no number
    with served(ui.address) as source:
        vectors = rows.rows(source, None)
        assert len(rows.rows(source, 7)) == 7
    with reaching(ui.address) as client:
        client_rows = rows.rows(ClientSource(client), None)
    assert len(vectors) >= 62
    assert sum(len(row["effects"]) for row in vectors) > 60 * 2  # three of each run, and one of them is no number
    assert json.dumps(vectors) == json.dumps(client_rows)  # as text, since NaN is not NaN
    assert json.dumps(listing.list_vectors(ui.address)) == json.dumps(listing.list_vectors(ui.store))
    process = subprocess.run([sys.executable, "-c", LOADED, ui.address], capture_output=True, text=True, check=True)
    assert json.loads(process.stdout) == [5, []]


LOADED = """
import json, sys
from steerstack_registry.recorder import MLflowRecorder
rows = MLflowRecorder().list_vectors(tracking_uri=sys.argv[1], limit=5)
print(json.dumps([len(rows), [name for name in ("mlflow", "torch", "pandas") if name in sys.modules]]))
"""


def test_ctrl_c_ends_the_server_and_all_its_processes(ui: Ui) -> None:
    pid = ui.start()
    with pytest.raises(RegistryError, match="cannot be listened on"):
        serve(None, port=ui.port)
    below = _descendants(pid)
    assert 1 <= len(below) <= 3
    assert ui.stop() == 0
    until(lambda: not any(map(_alive, below)), "the end of the server's processes")
    assert list(ui.cwd.iterdir()) == []


def test_a_remote_store_is_only_named() -> None:
    lines: list[str] = []
    assert serve("https://ann:secret@mlflow.example", announce=lines.append) == "https://***@mlflow.example"
    assert lines == ["https://***@mlflow.example"]


def test_a_store_without_pages_is_refused() -> None:
    with pytest.raises(RegistryError, match="not a store"):
        serve("file:///tmp/somewhere")
