"""Servers without steerstack, in processes of their own that can be killed and started again."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.support.forking import Fork, Forks
from tests.support.ports import free_port

TOKEN = "secret"
"""What the servers of tests ask for."""

_SERVER = Path(__file__).with_name("without_steerstack.py")


@contextmanager
def server_forks(model: Path) -> Iterator[Forks]:
    """What every server is a fork of: what opens a model is imported once."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STEERSTACK")}
    environment |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    forks = Forks(_SERVER, str(model), env=environment)
    yield forks
    forks.close()


class Serving:
    """Started anew as often as wanted, on one port."""

    def __init__(self, forks: Forks, model: Path, scratch: Path, token: str = TOKEN) -> None:
        self.forks, self.model, self.token, self.port = forks, model, token, free_port()
        self.log = scratch / f"server-{self.port}.log"
        self.start()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process: Fork = self.forks.start(str(self.model), self.port, self.token, log=self.log)
        for _ in range(1200):
            if not self.process.alive():
                raise RuntimeError(self.log.read_text())
            try:
                httpx.get(f"{self.host}/env", timeout=5)
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise RuntimeError(self.log.read_text())

    def kill(self) -> None:
        self.process.kill()
