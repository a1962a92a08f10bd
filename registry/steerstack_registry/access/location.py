"""Where the store is. Never in the current folder, unless somebody says so."""

import os
import re
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from steerstack.address import public_address, public_text
from steerstack.errors import RegistryError
from steerstack.util.files import check_room
from steerstack.util.folders import home
from steerstack.util.sqlite_file import tables

_SQLITE = "sqlite:///"
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
"""How addresses begin that MLflow opens as a database, without a server."""


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


def is_made(file: Path) -> bool:
    """Whether a SQLite file holds a store; False where one can be made: no file, or one without bytes or tables.

    Raises
    ------
    RegistryError
        It is something else, or damaged; MLflow would make its tables in it, or write over it.
    """
    try:
        names = tables(file)
    except (sqlite3.Error, OSError) as error:
        detail = str(error)
    else:
        if not names or "experiments" in names:
            return bool(names)
        detail = f"a database of {', '.join(sorted(names))}"
    raise RegistryError(
        f"{file} is no MLflow store, or a damaged one; it was left as it is.",
        seen=detail[:200],
        fix="Put back a copy of it, or name another store with --tracking-uri.",
    )


def is_database(uri: str) -> bool:
    """Whether the store is opened directly, by whichever database driver; no server stands between."""
    return uri.startswith(DATABASES)


def artifacts(uri: str) -> Path | None:
    """The artifact folder of a database: beside a SQLite file, else in steerstack's home; None where a server chooses.

    MLflow's own choice would be ``./mlruns``, wherever the process happens to stand.
    """
    if not is_database(uri):
        return None
    file = database(uri)
    return (home() if file is None else file.parent).absolute() / "artifacts"


def check_form(uri: str) -> None:
    """Refuse an address of which nobody can tell where the password ends, before it is taken for a host's name.

    Raises
    ------
    RegistryError
        A user or password holds ``/ ? # @`` as they are, or a server's address has a query.
    """
    _, mark, rest = uri.partition("://")
    if not mark or rest.startswith("/"):  # a file
        return
    host, address = re.split(r"[/?#]", rest, maxsplit=1)[0], without_password(uri)
    try:
        whole = urlsplit(uri).port != 0
    except ValueError:
        whole = False
    if not whole or host.count("@") > 1 or "@" in rest[len(host) :]:
        raise RegistryError(
            f"The address {address} cannot be taken apart.",
            seen="a port that is none, or a user or password that holds / ? # or @",
            fix="Write them as %2F %3F %23 %40; or leave both out, and set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD.",
        )
    if uri.startswith(("http://", "https://")) and re.search(r"[?#]", rest):
        raise RegistryError(
            f"The address {address} has a query, and that of an MLflow server has none.",
            fix="Leave it out; a token belongs into MLFLOW_TRACKING_TOKEN.",
        )


def check_writable(tracking_uri: str | None = None) -> None:
    """See whether a store on this machine can be written: the database, its folder, the artifacts.

    Raises
    ------
    SteerstackError
        It cannot, or its disk is nearly full.
    """
    uri = resolve(tracking_uri)
    if uri.startswith(("file:", "/", "./", "../", "~")):
        raise RegistryError(
            "A folder of files cannot be the tracking store, so nothing was started.",
            seen=uri.partition("?")[0],
            fix="Give a database, such as sqlite:////folder/mlflow.db, or the address of a server.",
        )
    file, folder = database(uri), artifacts(uri)
    for place in (folder, None if file is None else file.parent):
        if place is not None:
            check_room(place)
    if file is not None and file.exists():
        try:
            with file.open("r+b"):
                pass
        except OSError as error:
            raise RegistryError(
                f"The tracking store {without_password(uri)} cannot be written, so nothing was started.",
                seen=str(error),
                fix="Mend its rights, or give another store with --tracking-uri.",
            ) from error


def check_place(uri: str, experiment: str, place: str) -> None:
    """Refuse an experiment whose files cannot be written from here; MLflow might write them elsewhere.

    Parameters
    ----------
    uri, experiment:
        The store, and the experiment's name in it.
    place:
        Where the store says that the experiment keeps its files.

    Raises
    ------
    RegistryError
        That cannot be reached from here.
    """
    direct = is_database(uri)
    local = Path(url2pathname(urlsplit(place).path)) if place.startswith(("file:", "/")) else None
    if direct and place.startswith("mlflow-artifacts:"):
        reason = "It was made through a server, and its files can only be reached through one."
    elif not direct and local is not None and not _is_near(local):
        reason = "Its files are in a folder of the server's machine, which is not on this one."
    else:
        return
    raise RegistryError(
        f"Files of the experiment {experiment} cannot be written from here.",
        seen=f"{place}. {reason}",
        fix="Record to the address of the server, and let it serve artifacts (its default).",
    )


def _is_near(folder: Path) -> bool:
    """Whether a folder, or one that it would soon be made in, is on this machine."""
    return any(path.exists() for path in (folder, *folder.parents[:2]) if path != path.parent)


def outbox() -> Path:
    """Where runs wait that could not be delivered."""
    return home() / "outbox"


def without_password(text: str, uri: str = "") -> str:
    """A store's address, or a text about it, without user, password and query."""
    return public_text(text, uri) if uri else public_address(text)
