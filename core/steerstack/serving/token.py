"""The token that clients must send. It is never an argument: those show in the list of processes."""

from __future__ import annotations

import hmac
import os
import secrets
from typing import TYPE_CHECKING

from steerstack.errors import RemoteError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import HTTPConnection

LONGEST = 4096


def read_token(file: Path | None, *, ask: Callable[[], str]) -> str | None:
    """The token from a file, from who is asked (``-``), or from ``STEERSTACK_SERVE_TOKEN``; None where there is none.

    Raises
    ------
    RemoteError
        The file cannot be read, or what it holds cannot be sent in a header.
    """
    if file is None:
        token = os.environ.get("STEERSTACK_SERVE_TOKEN")
    elif str(file) == "-":
        token = ask()
    else:
        try:
            with file.open("rb") as opened:
                token = opened.read(LONGEST).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise RemoteError(
                "The file with the token cannot be read.", seen=f"{file}: {type(error).__name__}"
            ) from error
        check_token(token)  # also where the file is empty
    if token:
        check_token(token)
    return token or None


def check_token(token: str) -> None:
    """Refuse a token that is empty, or cannot be sent in a header; the message does not repeat it."""
    if not (token and token.isascii() and token.isprintable() and not token.isspace()):
        raise RemoteError("That is no token.", fix="A token is one line of plain letters and digits.")


def new_token() -> str:
    """A random one."""
    return secrets.token_urlsafe(24)


def may_ask(connection: HTTPConnection, sent: str, token: str) -> bool:
    """Whether a client sent the token, and is no page in a browser that another server gave out.

    Parameters
    ----------
    connection:
        A request, or the beginning of a websocket.
    sent:
        What it sent as the token.
    token:
        What it must be.
    """
    origin = connection.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != connection.headers.get("host"):
        return False
    return hmac.compare_digest(sent.encode(), token.encode())
