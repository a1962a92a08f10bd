"""Which key goes to which server: NDIF's to NDIF alone, a server's own to that server, and none in the clear."""

import os
from urllib.parse import SplitResult, urlsplit

from nnsight import CONFIG

from steerstack.errors import RemoteError
from steerstack.util import keys

TOKEN = "STEERSTACK_SERVE_TOKEN"
"""Environment variable with the token of a server of one's own."""


def check_address(host: str) -> None:
    """Refuse what is no address of a server, and one that holds a secret; raises RemoteError."""
    keys.check_address(
        host, RemoteError, fix=f"Give http://HOST:PORT, and the token by the environment variable {TOKEN}."
    )


def key_for(host: str) -> str | None:
    """The key that a server is sent; None for none.

    NDIF's key (``NDIF_API_KEY``, or the one that nnsight keeps) is for NDIF's own host, over https. Other servers get
    the entry of their address in ``keys.json`` in steerstack's home, else ``STEERSTACK_SERVE_TOKEN``.

    Raises
    ------
    RemoteError
        It would go over plain http to another machine, or cannot be sent in a header.
    """
    if is_ndif(urlsplit(host)):
        key = os.environ.get("NDIF_API_KEY") or CONFIG.API.APIKEY
    else:
        key = keys.kept_key(host, RemoteError) or os.environ.get(TOKEN)
    if not key:
        return None
    keys.check_key(host, key, RemoteError)
    return key


def is_ndif(parts: SplitResult) -> bool:
    """Whether an address is of NDIF's own machines."""
    name = parts.hostname or ""
    return parts.scheme == "https" and (name == "ndif.us" or name.endswith(".ndif.us"))
