"""A server through many requests: whether its memory stays flat, and whether what goes wrong ends with its own client.

`steerstack serve` on a tiny model, in processes of its own. Two clients send their own edits in turn, and each result
is compared with the same edit here. Between them come clients that hang up, jobs that raise SystemExit, and requests
that are none. Prints the memory of the server and of its worker in MB as the requests go by.

    python benchmarks/serve.py [--requests 200]
"""

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import torch

from steerstack.errors import RemoteError
from steerstack.steering.site import Site
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.forward import Pass, run
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

IDS = torch.tensor([[1, 2, 3, 4]])


def shifted(hidden: torch.Tensor, by: float) -> torch.Tensor:
    """A client's own edit."""
    return hidden + by


def leaving(hidden: torch.Tensor) -> torch.Tensor:
    """An edit that would end the process."""
    raise SystemExit("leaving")


def work(edit: Any) -> Pass:
    """One pass under an edit, of which the last block is read."""
    everywhere = torch.ones_like(IDS, dtype=torch.bool)
    return Pass(IDS, everywhere, edits={Site("resid_post", 1): edit}, read={Site("resid_post", 3): torch.clone})


def value(model: Model, edit: Any) -> torch.Tensor:
    """What that pass reads."""
    (read,) = run(model, work(edit)).read.values()
    return torch.as_tensor(read)


@contextmanager
def server(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """The command in a process of its own; that process, and its address."""
    model: Any = tiny_model("llama")
    model.save_pretrained(folder / "model")
    tiny_tokenizer().save_pretrained(folder / "model")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "steerstack", "serve", str(folder / "model"), "--port", str(port)]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            while True:
                if process.poll() is not None:
                    raise SystemExit((folder / "log").read_text())
                try:
                    httpx.get(f"{address}/env")
                    break
                except httpx.HTTPError:
                    time.sleep(0.5)
            yield psutil.Process(process.pid), address
        finally:
            process.terminate()


def memory(process: psutil.Process) -> list[int]:
    """MB of the server and of its worker."""
    tree = [process, *process.children(recursive=True)]
    return [round(one.memory_info().rss / 1e6) for one in tree]


def hang_up(address: str, headers: dict[str, str]) -> None:
    """A client that goes away in the middle of its request."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as line:
        head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        line.sendall(f"POST /request HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n{head}\r\nhalf".encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200)
    requests = parser.parse_args().requests
    os.environ["STEERSTACK_SERVE_TOKEN"] = token = secrets.token_urlsafe()
    headers = {"ndif-api-key": token}
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as (process, address):
        os.environ["STEERSTACK_HOME"] = folder
        here = open_model(Path(folder) / "model")
        clients = [open_model(Path(folder) / "model", remote=address) for _ in range(2)]
        edits = [partial(shifted, by=1.0), partial(shifted, by=-2.0)]
        right = [value(here, edit) for edit in edits]
        met = ended = 0
        for number in range(1, requests + 1):
            which = number % 2
            met += not torch.allclose(value(clients[which], edits[which]), right[which], atol=1e-4)
            if number % 20 == 0:
                hang_up(address, headers)
                refused = httpx.post(f"{address}/request", headers=headers, content=b"rubbish").status_code
                assert 400 <= refused < 500, refused
                try:
                    value(clients[which], leaving)
                except RemoteError as error:
                    ended += "SystemExit" in str(error)
                print(f"{number:5} requests: {memory(process)} MB", flush=True)
    print(
        f"{met} of {requests} results were another's; {ended} of {requests // 20} jobs that leave ended with an error"
    )


if __name__ == "__main__":
    main()
