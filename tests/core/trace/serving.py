"""A server in a process of its own, in which steerstack and all plugins vanish before it answers."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

HIDING = '''
import sys

import torch

import steerstack.serving.serve as serving

torch.set_num_threads(1)
HIDDEN = ("steerstack", "steerstack_plugins", "steerstack_registry", "jaxtyping", "platformdirs", "pluggy", "tests")


class But:
    """A finder of modules that does not find some."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, *rest):
        return None if name.split(".")[0] in HIDDEN else self.finder.find_spec(name, *rest)

    def __getattr__(self, name):
        return getattr(self.finder, name)


def hide(said):
    print(said, flush=True)
    if said.startswith("serving"):
        sys.meta_path[:] = [But(finder) for finder in sys.meta_path]
        for name in [name for name in sys.modules if name.split(".")[0] in HIDDEN]:
            del sys.modules[name]
        try:
            import steerstack
        except ModuleNotFoundError:
            print("gone", flush=True)


serving.serve(sys.argv[1], port=int(sys.argv[2]), token=sys.argv[3] or None, say=hide)
'''


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Serving:
    """Started anew as often as wanted, on one port."""

    def __init__(self, model: Path, scratch: Path, token: str = "") -> None:
        self.model, self.token, self.port = model, token, free_port()
        self.script, self.log = scratch / "hiding.py", scratch / f"server-{self.port}.log"
        self.script.write_text(HIDING)
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STEERSTACK")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(self.script), str(self.model), str(self.port), self.token],
                stdout=log, stderr=log, cwd=self.script.parent, env={**environment, "OMP_NUM_THREADS": "1"},
            )  # fmt: skip
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            try:
                httpx.get(f"{self.host}/env", timeout=5)
                return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise RuntimeError(self.log.read_text())

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
