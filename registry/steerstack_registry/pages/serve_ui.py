"""MLflow's own pages on the store, in the foreground."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from steerstack.errors import RegistryError
from steerstack.util.ctrl_c import held
from steerstack.util.folders import home
from steerstack.util.keys import is_loopback
from steerstack_registry.access import location

_PATIENCE = 8.0
"""Seconds between asking the server to end and ending it: it takes one or two to end well, and people wait."""

_LOOK = 0.3
"""Seconds between two looks at whether the server answers, or has ended."""

_ANSWER = 10.0
"""Seconds for one answer about its health: a server that has just begun may be busy, and is asked again."""


def serve(
    tracking_uri: str | None = None,
    host: str = "127.0.0.1",
    port: int = 5000,
    announce: Callable[[str], Any] | None = None,
) -> str:
    """Run an MLflow server on the store until Ctrl-C; a store with a server of its own is only named.

    Parameters
    ----------
    tracking_uri:
        The store; None for the default one.
    host, port:
        Where to listen. MLflow has no passwords: keep to the loopback address.
    announce:
        Told the address once it answers.

    Returns
    -------
    str
        The address.

    Raises
    ------
    RegistryError
        The port is taken, the store has no pages, or the server ended by itself.
    """
    uri = location.resolve(tracking_uri)
    say = announce or (lambda _: None)
    if uri.startswith(("http://", "https://")):
        address = location.without_password(uri)
        say(address)
        return address
    if not location.is_database(uri):
        raise RegistryError(
            f"{location.without_password(uri)} is not a store that can be shown here.",
            fix="Give the address of an MLflow server, or a database such as sqlite:///FILE.",
        )
    _check_free(host, port)
    address = f"http://{host}:{port}"
    with contextlib.suppress(KeyboardInterrupt), _running(command(host, port), environment(uri, host)) as process:
        _wait(process, address, say)
    return address


def command(host: str, port: int) -> list[str]:
    """The server's command line; the store is not on it, since a password may be in its address."""
    return [
        sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port),
        "--workers", "1", "--uvicorn-opts", "--log-level warning",
    ]  # fmt: skip


def environment(uri: str, host: str) -> dict[str, str]:
    """The server's environment: two processes rather than ten, no telemetry, nothing in the current folder.

    An experiment that somebody makes through the server keeps its files at ``mlflow-artifacts:``,
    which nobody can read without the server. On the loopback address everybody is on this machine,
    so there they are plain files, that are also found when the store is opened directly.
    """
    folder = location.artifacts(uri) or home().absolute() / "artifacts"
    settings = {"MLFLOW_DEFAULT_ARTIFACT_ROOT": folder.as_uri()} if is_loopback(host) else {}
    return {
        "PYTHONWARNINGS": "ignore",
        **os.environ,
        **settings,
        "MLFLOW_BACKEND_STORE_URI": uri,
        "MLFLOW_REGISTRY_STORE_URI": uri,
        "MLFLOW_ARTIFACTS_DESTINATION": folder.as_uri(),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RegistryError(
                f"{host}:{port} cannot be listened on.", seen=str(error), fix="Choose another with --port."
            ) from error


@contextlib.contextmanager
def _running(arguments: list[str], variables: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """The server in a process group of its own, which is ended whole, also when we are told to end."""
    home().mkdir(parents=True, exist_ok=True)
    with _terminable():
        # Its standard output goes to standard error (2): ours is for results.
        process = subprocess.Popen(arguments, env=variables, cwd=home(), stdout=2, start_new_session=True)
        try:
            yield process
        finally:
            with held():  # else a second Ctrl-C would leave its processes behind
                _end(process)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, so that the server's processes do not outlive us."""

    def interrupt(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(process: "subprocess.Popen[bytes]", address: str, say: Callable[[str], Any]) -> None:
    is_up = False
    while process.poll() is None:
        if not is_up and _answers(address):
            say(address)
            is_up = True
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_LOOK)
    raise RegistryError(
        "The MLflow server ended by itself.", seen=f"exit status {process.returncode}", fix="Its messages are above."
    )


def _answers(address: str) -> bool:
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{address}/health", timeout=_ANSWER) as reply:
            return bool(reply.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_PATIENCE)
