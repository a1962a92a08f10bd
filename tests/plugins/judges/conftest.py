"""A real server on the loopback, in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.registry.conftest import free_port

SERVER = Path(__file__).with_name("server.py")


class Served:
    """A running server: where it is, and how many requests it was sent."""

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.process, self.root = process, f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"

    @property
    def requests(self) -> int:
        import json

        with urlopen(f"{self.root}/health") as reply:
            return int(json.load(reply)["served"])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def start(*arguments: str, seconds: float = 120) -> Served:
    port = free_port()
    process = subprocess.Popen([sys.executable, str(SERVER), str(port), *arguments])
    served = Served(port, process)
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            assert served.requests == 0
            return served
        except (URLError, ConnectionError):
            time.sleep(0.1)
    served.stop()
    raise RuntimeError(f"the server {arguments} did not start")


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """A function that starts a server in a mode; all are stopped at the end."""
    running: list[Served] = []

    def one(*arguments: str) -> Served:
        running.append(start(*arguments))
        return running[-1]

    yield one
    for served in running:
        served.stop()
