"""What a server is shown before it lists its vectors, and what is no MLflow."""

import http.server
import threading
from collections.abc import Iterator

import pytest

from steerstack.errors import RegistryError
from steerstack_registry.read import listing
from steerstack_registry.read.by_rest import NotServedError, served


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
