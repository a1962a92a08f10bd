"""Start a server: open the model, bind, and answer until stopped."""

import ipaddress
from collections.abc import Callable

import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear
import uvicorn

from steerstack.errors import RemoteError
from steerstack.serving.app import Service
from steerstack.serving.jobs import Jobs
from steerstack.trace.open import open_model
from steerstack.trace.remote.runner import Runner


def check_bind(host: str, token: str | None) -> None:
    """Refuse to be reached from other machines without a token.

    Raises
    ------
    RemoteError
        ``host`` is not a loopback address, and there is no token.
    """
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        local = False
    if not local and not token:
        raise RemoteError(
            f"A server on {host} runs whatever code it is sent, and would take it from other machines.",
            seen="no token",
            fix="Give --token SECRET (clients set NDIF_API_KEY to it), or keep --host 127.0.0.1.",
        )


def serve(
    source: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    revision: str | None = None,
    dtype: str | None = None,
    device: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a model until stopped.

    Parameters
    ----------
    source, revision, dtype, device:
        As of :func:`steerstack.open_model`.
    host, port, token:
        Where it listens, and what every request must carry.
    say:
        Told what happens.

    Raises
    ------
    RemoteError
        It would be open to other machines without a token.
    ModelError
        The model cannot be opened.
    """
    check_bind(host, token)
    jobs, runners = Jobs(), list[Runner]()

    def open_here() -> None:
        runners.append(Runner(open_model(source, revision=revision, dtype=dtype, device=device), source))

    say(f"opening {source}")
    jobs.first(open_here)  # nnsight traces a model in one thread only
    say(f"serving {source} on http://{host}:{port}; it runs whatever code its clients send")
    hosts = ["*"] if token else ["localhost", "127.0.0.1", "::1", "[::1]", host]
    app = Service(runners[0], jobs, token, hosts).app()
    uvicorn.run(app, host=host, port=port, log_level="warning", ws="websockets-sansio")
