"""Where the store is. Never in the current folder, unless somebody says so."""

import os
import re
from pathlib import Path

from steerstack.home import home

_SQLITE = "sqlite:///"


def default_uri() -> str:
    """The SQLite database in steerstack's home."""
    return f"{_SQLITE}{home().absolute() / 'mlflow.db'}"


def resolve(tracking_uri: str | None = None) -> str:
    """The store to use: the one given, else ``MLFLOW_TRACKING_URI``, else the default one.

    A relative SQLite file is made absolute: a run that is kept is sent from another folder, maybe.
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or default_uri()
    file = database(uri)
    return uri if file is None else uri.replace(str(file), str(file.absolute()), 1)


def database(uri: str) -> Path | None:
    """The file of a SQLite store; None for any other store."""
    if not uri.startswith(_SQLITE) or uri.startswith(f"{_SQLITE}:memory:"):
        return None
    return Path(uri.removeprefix(_SQLITE).partition("?")[0])


def artifacts(uri: str) -> Path | None:
    """The artifact folder beside a SQLite store; None where a server chooses it.

    MLflow's own choice would be ``./mlruns``, wherever the process happens to stand.
    """
    file = database(uri)
    return None if file is None else file.absolute().parent / "artifacts"


def outbox() -> Path:
    """Where runs wait that could not be delivered."""
    return home() / "outbox"


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine only."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def without_password(text: str) -> str:
    """The same text with the user and password of any address struck out."""
    return re.sub(r"//[^/@\s]+@", "//***@", text)
