"""A server that answers every request as it likes, and objects that run code where they are unpickled."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
import zstandard


class Touch:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def saved(value: Any, compress: bool = True) -> bytes:
    """A value as NDIF packs what a job saved."""
    file = io.BytesIO()
    torch.save(value, file, pickle_protocol=4)
    return zstandard.compress(file.getvalue()) if compress else file.getvalue()


@dataclass
class Hostile:
    """What it answers, and what it was sent.

    Attributes
    ----------
    host:
        Its address.
    result:
        The bytes of every result.
    asked:
        Method, path and headers of each request.
    """

    host: str = ""
    result: bytes = b""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def hostile_server() -> Iterator[Hostile]:
    """Speaks nnsight's protocol up to the result of a job, which is at once there."""
    host = Hostile()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

        def _say(self, body: bytes) -> None:
            host.asked.append((self.command, self.path, dict(self.headers)))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            if self.path.startswith("/result"):
                self._say(host.result)
            elif self.path.startswith("/response"):
                self._say(json.dumps({"id": "1", "status": "COMPLETED", "data": f"{host.host}/result/1"}).encode())
            else:
                self._say(b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._say(json.dumps({"id": "1", "status": "RECEIVED"}).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.host = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield host
    server.shutdown()
    server.server_close()
    thread.join()
