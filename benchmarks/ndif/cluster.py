"""The public server's own software on this machine's loopback: redis, an S3 store, Ray, and the ndif package."""

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp

import httpx
import psutil

HERE = Path(__file__).parent
REDIS, STORE, HEAD, CLIENT, API = 6390, 9010, 6395, 9395, 8011
"""Ports."""

HOST = f"http://127.0.0.1:{API}"
GIGABYTES = 4
"""Of the GPU that Ray is told of: ndif deploys on GPUs only, and finds none here."""


@contextlib.contextmanager
def running(environment: Path, log: Path) -> Iterator["Cluster"]:
    """The server, with its Python environment and a folder for logs; all of its processes end with the block."""
    cluster = Cluster(environment, log)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class Cluster:
    """Processes of one server."""

    def __init__(self, environment: Path, log: Path) -> None:
        self.bin, self.log = environment.absolute() / "bin", log.absolute()
        self.log.mkdir(parents=True, exist_ok=True)
        self.scratch = mkdtemp(prefix="ndif-")  # short: Ray's sockets are in it
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("NDIF", "STEERSTACK"))},
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PYTHONPATH": str(HERE),
            "OMP_NUM_THREADS": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",  # Ray listens on the machine's address even if told of loopback only
            "RAY_AUTH_TOKEN": secrets.token_hex(16),
            "RAY_TMPDIR": self.scratch,  # where its own head is found, whatever other one runs
            "GRPC_ENABLE_FORK_SUPPORT": "0",  # as ndif's start.sh
            "NDIF_REDIS_URL": f"redis://127.0.0.1:{REDIS}",
            "NDIF_OBJECT_STORE_URL": f"http://127.0.0.1:{STORE}",
            "NDIF_RAY_ADDRESS": f"ray://127.0.0.1:{CLIENT}",
            "NDIF_API_PORT": str(API),
            "NDIF_DEFAULT_DTYPE": "float32",
            "NDIF_DEFAULT_PADDING_BIAS": "0",
            "NDIF_MODEL_IMPORT_PATH": "on_cpu.ModelActor",
            "NDIF_CONTROLLER_IMPORT_PATH": "on_cpu.ControllerActor",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }

    def start(self) -> None:
        """Start everything, each part when the one before it answers."""
        if not shutil.which("redis-server"):
            raise SystemExit("redis-server is missing: apt-get install redis-server")
        size = GIGABYTES << 30
        self._run("redis", "redis-server", "--bind", "127.0.0.1", "--port", str(REDIS), "--save", "", "--appendonly",
                  "no", "--dir", self.scratch)  # fmt: skip
        self._run("store", "moto_server", "-H", "127.0.0.1", "-p", str(STORE))
        self._wait("the store", lambda: httpx.get(f"http://127.0.0.1:{STORE}/", timeout=5).status_code < 500)
        self._run(
            "ray", "ray", "start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={HEAD}",
            f"--ray-client-server-port={CLIENT}", "--dashboard-host=127.0.0.1", "--num-cpus=4", "--num-gpus=1",
            f'--resources={{"head": 10, "cuda_memory_bytes": {size}, "cpu_memory_bytes": {size}}}',
            "--object-store-memory=300000000",
        )  # fmt: skip
        attach = [str(self.bin / "python"), "-m", "ndif.services.ray.deployments.controller.controller"]

        def controlled() -> bool:
            with (self.log / "controller.log").open("ab") as log, contextlib.suppress(subprocess.TimeoutExpired):
                process = subprocess.run(attach, env=self.environment, stdout=log, stderr=log, timeout=60, check=False)
                return process.returncode == 0
            return False

        self._wait("Ray's head", controlled)
        self._run(
            "api", "gunicorn", "--config", "python:ndif.services.api.gunicorn_conf", "--bind", f"127.0.0.1:{API}",
            "ndif.services.api.app:app",
        )  # fmt: skip
        self._wait("the API", lambda: httpx.get(f"{HOST}/env", timeout=60).status_code == 200)

    def memory(self) -> int:
        """Bytes that all processes hold."""
        return sum(process.memory_info().rss for process in self._tree() if process.is_running())

    def stop(self) -> None:
        """End every process that was started, and those that they started."""
        tree = self._tree()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        _, left = psutil.wait_procs(tree, timeout=15)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=15)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _tree(self) -> list[psutil.Process]:
        processes: dict[int, psutil.Process] = {}
        for process in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(process.pid)
                processes |= {one.pid: one for one in (root, *root.children(recursive=True))}
        return list(processes.values())

    def _run(self, name: str, *command: str) -> None:
        with (self.log / f"{name}.log").open("ab") as log:
            program = shutil.which(command[0], path=self.environment["PATH"]) or command[0]
            self.processes.append(
                subprocess.Popen([program, *command[1:]], env=self.environment, stdout=log, stderr=log)
            )

    def _wait(self, what: str, ready: Callable[[], bool], seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1)
            dead = [process.args for process in self.processes if process.poll() is not None]
            if dead:
                raise SystemExit(f"{dead[0]} ended; see {self.log}")
            with contextlib.suppress(httpx.HTTPError):
                if ready():
                    return
        raise SystemExit(f"{what} does not answer; see {self.log}")
