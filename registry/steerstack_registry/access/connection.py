"""Reaching MLflow: quietly, not for minutes, and with errors that say what to do."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from steerstack.errors import RegistryError, first_line
from steerstack.util.locks import locked
from steerstack_registry.access import location

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
}
# MLflow's own defaults (7 retries, backing off) make a store that is down look like a hang.
_IMPATIENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
# Before a study, people wait for the answer.
_BRIEF = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}


@contextlib.contextmanager
def _environment(defaults: Mapping[str, str]) -> Iterator[None]:
    """Set variables that the user has not set, for a while."""
    names = [name for name in defaults if name not in os.environ]
    os.environ.update({name: defaults[name] for name in names})
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Import and use MLflow without its log lines, warnings and telemetry; all is put back after."""
    with warnings.catch_warnings(), _environment(_QUIET):
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  its import sets up its loggers, so it comes before they are hushed

        loggers = [logging.getLogger(name) for name in ("mlflow", "alembic", "urllib3")]
        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)  # what goes wrong is raised too, and told of once
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _artifact_root(uri: str) -> dict[str, str]:
    """Where experiments without a place of their own keep files; MLflow would say ``./mlruns``."""
    folder = location.artifacts(uri)
    return {} if folder is None else {"_MLFLOW_SERVER_ARTIFACT_ROOT": folder.as_uri()}


@contextlib.contextmanager
def _made_global(uri: str) -> Iterator[None]:
    """Make a store MLflow's global one, for a while.

    A client of its own is not enough: registering a version asks the global store for the model,
    and would make ``./mlflow.db`` in the current folder. MLflow's own way back drops
    ``MLFLOW_TRACKING_URI``, so that is put back here.
    """
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    before = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


@contextlib.contextmanager
def reaching(uri: str, *, make: bool = False) -> "Iterator[MlflowClient]":
    """A client of the store, for a while.

    Parameters
    ----------
    uri:
        The store.
    make:
        Make a SQLite store that is not there yet.

    Raises
    ------
    RegistryError
        The store cannot be reached, or refuses.
    """
    location.check_form(uri)
    file = location.database(uri)
    if file is not None and not location.is_made(file) and not make:
        raise RegistryError(
            f"Nothing was recorded in {location.without_password(uri)} yet.",
            fix="Record something, or check the address.",
        )
    with quietly(), _environment({**_IMPATIENT, **_artifact_root(uri)}):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        address = location.without_password(uri)
        is_server = uri.startswith(("http://", "https://"))
        try:
            with _made_global(uri):
                if file is None:
                    client = MlflowClient(uri)
                else:  # the first one makes the tables, and two at once break them
                    with locked(file.with_name(f".{file.name}.lock")):
                        client = MlflowClient(uri)
                yield client
        except (MlflowException, SQLAlchemyError, OSError) as error:  # requests' errors are OSErrors
            raise RegistryError(
                f"The tracking store {address} cannot be reached, or refuses.",
                seen=location.without_password(first_line(error), uri)[:500],
                fix="Check that it runs and that the address is right: `steerstack doctor --tracking-uri ...`.",
            ) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # what MLflow stumbles over in an answer
            if not is_server:
                raise
            raise RegistryError(
                f"The tracking store {address} answers otherwise than MLflow does.",
                seen=location.without_password(f"{type(error).__name__}: {first_line(error)}")[:500],
                fix="Check that the address is that of an MLflow server, of version 3.",
            ) from error


def check(tracking_uri: str | None = None) -> str:
    """One line on the store: where it is, and that it answers.

    Raises
    ------
    SteerstackError
        It does not answer, is no store that can be recorded to, or cannot be written.
    """
    uri = location.resolve(tracking_uri)
    address, file = location.without_password(uri), location.database(uri)
    location.check_form(uri)
    location.check_writable(tracking_uri)
    if file is not None and not location.is_made(file):
        return f"{address}, made on first use"
    if file is None and not location.is_database(uri):
        from steerstack_registry.access.server import check_server  # here: a list of what is local needs no HTTP

        with _environment(_BRIEF):
            check_server(uri)
    with _environment(_BRIEF), reaching(uri) as client:
        client.search_experiments(max_results=1)
    return f"{address} answers"


def check_ready(tracking_uri: str | None = None) -> str:
    """See before a study whether a store will take what it finds.

    Returns
    -------
    str
        What is wrong with a store that is only away, and may be back when the study is done; empty where it is there.

    Raises
    ------
    SteerstackError
        It will never take anything: it cannot be written, is of a kind or version that is not recorded to, or is
        something else.
    """
    from steerstack_registry.access.server import is_away

    try:
        check(tracking_uri)
    except RegistryError as error:
        if is_away(error):
            return f"{error.happened} ({error.seen})"
        raise
    return ""
