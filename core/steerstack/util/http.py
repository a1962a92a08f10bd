"""HTTP clients that share what is read to check certificates."""

import ssl
from functools import cache
from typing import Any

import httpx


def client(**options: Any) -> httpx.Client:
    """A client, with the options of httpx."""
    return httpx.Client(verify=_certificates(), **options)


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes 50 ms of a processor, more than all else in a request to a server nearby."""
    return httpx.create_ssl_context()
