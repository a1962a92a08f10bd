"""Lists from a server's REST API: they are MLflow's own, and come without importing it."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.registry import example, multiply
from tests.registry.conftest import free_port

from steerstack.errors import RegistryError
from steerstack.events import RunRecord
from steerstack_registry import listing, rows
from steerstack_registry.asked import Asked
from steerstack_registry.connection import reaching
from steerstack_registry.outbox import record
from steerstack_registry.served import NotServedError, served

LOADED = """
import json, sys
from steerstack_registry.recorder import MLflowRecorder
rows = MLflowRecorder().list_vectors(tracking_uri=sys.argv[1], limit=5)
print(json.dumps([len(rows), [name for name in ("mlflow", "torch", "pandas") if name in sys.modules]]))
"""


def test_a_servers_list_is_mlflows_own_and_waits_for_nothing_heavy(
    start: Callable[[int], object], store: str, make_run: Callable[..., RunRecord]
) -> None:
    record(example())
    multiply(Path(store.removeprefix("sqlite:///")), 60)  # more than are asked for at once
    record(make_run())  # one of its effects is no number
    port = free_port()
    start(port)
    address = f"http://127.0.0.1:{port}"
    with served(address) as source:
        found = rows.rows(source, None)
        assert len(rows.rows(source, 7)) == 7
    with reaching(address) as client:
        asked = rows.rows(Asked(client), None)
    assert len(found) == 62
    assert sum(len(row["effects"]) for row in found) > 60 * 20
    assert json.dumps(found) == json.dumps(asked)  # as text, since NaN is not NaN
    assert json.dumps(listing.list_vectors(address)) == json.dumps(listing.list_vectors(store))
    done = subprocess.run([sys.executable, "-c", LOADED, address], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [5, []]


@pytest.fixture
def gate() -> Iterator[tuple[str, list[str | None]]]:
    """Something that speaks HTTP, lets nobody in, and remembers what it was shown."""
    shown: list[str | None] = []

    class Gate(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers["Authorization"])
            refused = self.path.startswith("/api")
            self.send_response(401 if refused else 200)
            self.end_headers()
            self.wfile.write(b"<html>Who are you?</html>")

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", shown
    server.shutdown()
    server.server_close()


def test_name_password_and_token_are_shown_to_the_server(
    gate: tuple[str, list[str | None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, shown = gate
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken")
    with pytest.raises(NotServedError), served(address) as source:
        source.versions(1)
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "lace")
    with pytest.raises(NotServedError), served(address) as source:
        source.versions(1)
    assert shown == ["Bearer t0ken", "Basic YWRhOmxhY2U="]


def test_what_is_no_mlflow_is_named_by_mlflows_client(gate: tuple[str, list[str | None]]) -> None:
    address, _ = gate
    with pytest.raises(NotServedError), served(f"{address}/elsewhere") as source:
        source.versions(1)
    with pytest.raises(RegistryError, match=r"cannot be reached, or refuses"):
        listing.list_vectors(address)
