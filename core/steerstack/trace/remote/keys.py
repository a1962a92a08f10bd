"""Which key goes to which server: NDIF's to NDIF alone, a server's own to that server, and none in the clear."""

import ipaddress
import json
import os
from urllib.parse import SplitResult, urlsplit

from nnsight import CONFIG

from steerstack.errors import RemoteError
from steerstack.util.folders import home

TOKEN = "STEERSTACK_SERVE_TOKEN"
"""Environment variable with the token of a server of one's own."""

PLAIN = "STEERSTACK_PLAIN_HTTP"
"""Environment variable that says that keys may go over plain http to other machines."""

KEYS = "keys.json"
"""In steerstack's home: a JSON object from the address of a server to its token."""


def check_address(host: str) -> None:
    """Refuse what is no address of a server, and one that holds a secret.

    Raises
    ------
    RemoteError
        It is none, or has a user, a password or a query; the message does not repeat them.
    """
    try:
        parts = urlsplit(host)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if "@" in host or "?" in host or "#" in host:
        raise RemoteError(
            "The address of a server holds no user, password or query.",
            fix=f"Give http://HOST:PORT, and the token by the environment variable {TOKEN}.",
        )
    if not sound:
        raise RemoteError(f"{host!r} is not the address of a server.", fix="Write http://HOST:PORT.")


def key_for(host: str) -> str | None:
    """The key that a server is sent; None for none.

    NDIF's key (``NDIF_API_KEY``, or the one that nnsight keeps) is for NDIF's own host, over https. Other servers get
    the entry of their address in ``keys.json`` in steerstack's home, else ``STEERSTACK_SERVE_TOKEN``.

    Raises
    ------
    RemoteError
        It would go over plain http to another machine, or cannot be sent in a header.
    """
    parts = urlsplit(host)
    if is_ndif(parts):
        key = os.environ.get("NDIF_API_KEY") or CONFIG.API.APIKEY
    else:
        key = _kept(host) or os.environ.get(TOKEN)
    if not key:
        return None
    if not (key.isascii() and key.isprintable()):
        raise RemoteError(f"The key for {host} cannot be sent.", fix="A key is one line of plain letters and digits.")
    if parts.scheme != "https" and not is_loopback(parts.hostname or "") and not os.environ.get(PLAIN):
        raise RemoteError(
            f"The key for {host} would go over the network in the clear.",
            fix="Use https, or a tunnel to 127.0.0.1 (ssh -L); on a network that you trust, add --plain-http.",
        )
    return key


def is_ndif(parts: SplitResult) -> bool:
    """Whether an address is of NDIF's own machines."""
    name = parts.hostname or ""
    return parts.scheme == "https" and (name == "ndif.us" or name.endswith(".ndif.us"))


def is_loopback(name: str) -> bool:
    """Whether a host's name means this machine only."""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _kept(host: str) -> str | None:
    file = home() / KEYS
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RemoteError(f"{file} cannot be read.", seen=str(error), fix="Mend its rights, or remove it.") from error
    if os.name == "posix" and file.stat().st_mode & 0o077:
        raise RemoteError(f"{file} can be read by others, so its keys are not used.", fix=f"chmod 600 {file}")
    try:
        known = json.loads(text)
        found = known.get(host.rstrip("/"))
        if found is None or isinstance(found, str):
            return found
    except (ValueError, AttributeError, RecursionError):
        pass
    raise RemoteError(
        f"{file} is not a JSON object of addresses and tokens.", fix='Write {"https://gpu.lab": "TOKEN"}.'
    )
