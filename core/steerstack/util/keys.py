"""The keys of servers: which one is kept for an address, and whether it may go there."""

import ipaddress
import os
from urllib.parse import urlsplit

from steerstack.errors import SteerstackError
from steerstack.util.folders import home
from steerstack.util.guard import load_json, read_plain

PLAIN = "STEERSTACK_PLAIN_HTTP"
"""Environment variable that says that keys may go over plain http to other machines."""

KEYS = "keys.json"
"""In steerstack's home: a JSON object from the address of a server to its token."""


def kept_key(address: str, error: type[SteerstackError]) -> str | None:
    """The key that ``keys.json`` holds for an address, or else for its host; None for none.

    Parameters
    ----------
    address:
        ``https://gpu.lab/v1``: an entry of that name goes first, then one of ``https://gpu.lab``.
    error:
        What is raised.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: the file can be read by others, or is not what it should be.
    """
    file = home() / KEYS
    if not os.path.lexists(file):
        return None
    text = read_plain(file, error, fix="Mend it, or remove it.")
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise error(f"{file} can be read by others, so its keys are not used.", fix=f"chmod 600 {file}")
    parts = urlsplit(address)
    try:
        tokens = load_json(text)
        matches = [tokens.get(name) for name in (address.rstrip("/"), f"{parts.scheme}://{parts.netloc}")]
        if all(key is None or isinstance(key, str) for key in matches):
            return matches[0] or matches[1]
    except (ValueError, AttributeError):
        pass
    raise error(f"{file} is not a JSON object of addresses and tokens.", fix='Write {"https://gpu.lab": "TOKEN"}.')


def check_key(address: str, key: str, error: type[SteerstackError]) -> None:
    """Refuse to send a key where others could read it on the way.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: it would go over plain http to another machine, or cannot be sent in a header.
    """
    parts = urlsplit(address)
    if not (key.isascii() and key.isprintable()):
        raise error(f"The key for {address} cannot be sent.", fix="A key is one line of plain letters and digits.")
    if parts.scheme != "https" and not is_loopback(parts.hostname or "") and not os.environ.get(PLAIN):
        raise error(
            f"The key for {address} would go over the network in the clear.",
            fix="Use https, or a tunnel to 127.0.0.1 (ssh -L); on a network that you trust, add --plain-http.",
        )


def check_address(address: str, error: type[SteerstackError], *, fix: str = "") -> None:
    """Refuse what is no address of a server, and one that holds a secret.

    Parameters
    ----------
    address:
        ``http://HOST:PORT``, perhaps with a path.
    error:
        What is raised.
    fix:
        Where the key of such a server belongs.

    Raises
    ------
    SteerstackError
        Of the kind ``error``: it is none, or has a user, a password or a query; the message does not repeat them.
    """
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if "@" in address or "?" in address or "#" in address:
        raise error("The address of a server holds no user, password or query.", fix=fix)
    if not sound:
        raise error(f"{address!r} is not the address of a server.", fix="Write http://HOST:PORT.")


def is_loopback(name: str) -> bool:
    """Whether a host's name means this machine only."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
