"""Serve the page on this machine until stopped."""

import socket
from collections.abc import Callable

import uvicorn

from steerstack.errors import SteerstackError
from steerstack.serving.limits import GRACE
from steerstack.serving.play.app import play_app
from steerstack.serving.play.playground import Playground
from steerstack.serving.play.stream import ModelThread
from steerstack.serving.token import new_token

HOST = "127.0.0.1"
"""Nobody but this machine reaches it."""


def listen(playground: Playground, port: int, opened: Callable[[str], None]) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    playground:
        What stands behind it.
    port:
        Where; any free one for 0.
    opened:
        Told the address, the token in it, as soon as it answers there.

    Raises
    ------
    SteerstackError
        Another program listens there.
    """
    token = new_token()
    with _bound(port) as own, ModelThread() as thread:
        config = uvicorn.Config(
            play_app(playground, token, thread),
            log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=GRACE,
        )  # fmt: skip
        opened(f"http://{HOST}:{own.getsockname()[1]}/?token={token}")
        try:
            uvicorn.Server(config).run(sockets=[own])
        except KeyboardInterrupt:  # how it ends well; everything was closed before it came here
            return


def _bound(port: int) -> socket.socket:
    """A socket that listens, so that a browser that comes early waits rather than fails."""
    own = socket.socket()
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind((HOST, port))
        own.listen()
    except OSError as error:
        own.close()
        raise SteerstackError(
            f"Nothing can listen on port {port}.",
            seen=error.strerror or str(error),
            fix="Leave out --port, or name a free one.",
        ) from error
    return own
