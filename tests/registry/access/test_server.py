"""What a study is told of its store before it begins."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from steerstack.catalog.recorder import check_places, recorder
from steerstack.errors import RegistryError
from steerstack_registry.access.location import resolve
from steerstack_registry.read.listing import show_vector
from steerstack_registry.write.outbox import KeptError, pending, record, send_all


@contextmanager
def saying(text: str, version: str = "", status: int = 200) -> Iterator[str]:
    """A server that always says the same; its version apart."""

    class Same(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = (version or text) if self.path == "/version" else text
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        do_PUT = do_PATCH = do_POST

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Same) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("uri", "said"),
    [("file:{}", "folder of files"), ("{}/mlruns", "folder of files"), ("ftp://somewhere/{}", "another kind")],
)
def test_what_is_no_store_is_refused_before_the_study(tmp_path, uri, said):
    with pytest.raises(RegistryError) as caught:
        check_places(record=True, tracking_uri=uri.format(tmp_path))
    assert said in str(caught.value)
    assert check_places(record=False, tracking_uri=uri.format(tmp_path)) == ""


@pytest.mark.parametrize(
    ("text", "version", "said"),
    [
        ("{}", "", "no MLflow server"),
        ("<html>Welcome to nginx!</html>", "", "no MLflow server"),
        ("{}", "2.9.2", "does not know vectors"),
        ("not JSON", "3.17.0", "cannot be reached, or refuses|answers otherwise"),
    ],
)
def test_another_server_is_refused_before_the_study(text, version, said):
    with saying(text, version) as uri, pytest.raises(RegistryError, match=said):
        check_places(record=True, tracking_uri=uri)


def test_a_server_that_is_away_or_hangs_is_told_of_and_the_study_begins(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        for uri in ("http://127.0.0.1:9", f"http://127.0.0.1:{deaf.getsockname()[1]}"):
            assert "steerstack send" in check_places(record=True, tracking_uri=uri)
    with saying("", status=503) as uri:
        assert "503" in check_places(record=True, tracking_uri=uri)


def test_a_database_of_something_else_is_refused_before_the_study(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(RegistryError, match="no MLflow store"):
        check_places(record=True, tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_store_that_is_there_is_ready(store):
    assert recorder().ready(tracking_uri=None) == ""
    assert check_places(record=True, tracking_uri=resolve()) == ""


def test_a_server_that_says_nothing_takes_nothing_and_nothing_is_lost(store, make_run):
    with saying("{}") as uri:
        with pytest.raises(KeptError):
            record(make_run(), uri)
        with pytest.raises(RegistryError):
            show_vector("models:/a/1", uri)
    assert len(pending()) == 1
    assert len(send_all(store)) == 1
