"""What stands at an address: an MLflow server that can be recorded to, or something else; there, or away for now."""

import os
import re
from collections.abc import Iterator

import httpx

from steerstack.errors import RegistryError, first_line
from steerstack.util import http
from steerstack_registry.access import location

_KNOWN = 3
"""Major version of the servers that keep vectors: MLflow 2 has no logged models."""

_AWAY = (ConnectionError, TimeoutError)


def check_server(uri: str) -> None:
    """Refuse an address behind which no MLflow server of a fitting version stands.

    A server that hides its version behind a log-in is left to MLflow's own client.

    Raises
    ------
    RegistryError
        It is no address of a store, or another kind or version answers there, or nothing does.
    """
    if not uri.startswith(("http://", "https://")):
        if uri.startswith("databricks") or os.environ.get("MLFLOW_ALLOW_FILE_STORE") == "true":
            return
        raise RegistryError(
            f"{location.without_password(uri)} is no store that results can be recorded to.",
            seen="a folder" if uri.startswith("file:") or "://" not in uri else "an address of another kind",
            fix="MLflow takes no folders any more: give sqlite:///FILE, or the address of a server. "
            "`mlflow migrate-filestore` moves what is in a folder.",
        )
    address = location.without_password(uri)
    name, password, token = (os.environ.get(f"MLFLOW_TRACKING_{key}") for key in ("USERNAME", "PASSWORD", "TOKEN"))
    try:
        with http.client(
            auth=(name, password) if name and password else None,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            timeout=float(os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")),
        ) as client:
            answer = client.get(f"{uri.rstrip('/')}/version")
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise httpx.NetworkError(f"status {answer.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise RegistryError(
            f"The tracking store {address} cannot be reached, or refuses.",
            seen=location.without_password(first_line(error))[:500],
            fix="Check that it runs and that the address is right: `steerstack doctor --tracking-uri ...`.",
        ) from error
    if answer.status_code != httpx.codes.OK:
        return
    version = re.match(r"(\d+)\.\d", answer.text.strip())
    if version is None:
        raise RegistryError(
            f"What answers at {address} is no MLflow server.",
            seen=f"asked for its version, it said {answer.text[:80]!r}",
            fix="Check the address.",
        )
    if int(version[1]) < _KNOWN:
        raise RegistryError(
            f"The server at {address} is of MLflow {answer.text.strip()[:20]}, which does not know vectors.",
            fix=f"Upgrade it to MLflow {_KNOWN}, or give another store with --tracking-uri.",
        )


def is_away(error: BaseException) -> bool:
    """Whether what went wrong is that nobody answers, or not in time: later somebody may."""
    return any(isinstance(one, _kinds()) for one in _causes(error))


def _kinds() -> tuple[type[BaseException], ...]:
    from requests.exceptions import ConnectionError as Refused
    from requests.exceptions import Timeout
    from sqlalchemy.exc import OperationalError

    return (*_AWAY, httpx.TransportError, Refused, Timeout, OperationalError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    ids = set[int]()
    while error is not None and id(error) not in ids:
        ids.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
