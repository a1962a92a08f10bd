"""Start a server: open the model, bind, and answer until stopped."""

from collections.abc import Callable

import anyio._backends._asyncio  # noqa: F401  # before nnsight, whose .save on every object it does not bear
import uvicorn

from steerstack.errors import RemoteError
from steerstack.serving.app import Service
from steerstack.serving.deployment import Deployment
from steerstack.serving.jobs import Jobs
from steerstack.serving.limits import GRACE, Limits
from steerstack.serving.packages import check_packages
from steerstack.serving.token import new_token
from steerstack.serving.worker import ModelOrder, Worker
from steerstack.trace.remote.keys import TOKEN
from steerstack.util.keys import is_loopback


def check_bind(host: str, token: str | None, does: str = "runs whatever code it is sent, and would take it") -> None:
    """Refuse to be reached from other machines without a token; ``does`` says what the server would do for them.

    Raises
    ------
    RemoteError
        ``host`` is not a loopback address, and there is no token.
    """
    if not is_loopback(host) and not token:
        raise RemoteError(
            f"A server on {host} {does} from other machines.",
            seen="no token",
            fix="Set STEERSTACK_SERVE_TOKEN (clients set it too) or give --token-file FILE, or keep --host 127.0.0.1.",
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
    limits: Limits = Limits(),  # noqa: B008  # frozen
    ready: Callable[[], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a model until stopped.

    Parameters
    ----------
    source, revision, dtype, device:
        As of :func:`steerstack.open_model`.
    host, port:
        Where it listens.
    token:
        What every request must carry; None to make one and say it.
    limits:
        How much clients may take.
    ready:
        Called in the process that holds the model, once it is open.
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
    check_packages()
    own_token = token is None
    token = token or new_token()
    say(f"opening {source}")
    worker = Worker(ModelOrder(source, revision, dtype, device, ready), limits)
    worker.start()
    say(f"serving {source} on http://{host}:{port}; it runs whatever code its clients send")
    if own_token:
        say(
            f"a client needs its token: {TOKEN}={token} steerstack models inspect {source} --remote http://{host}:{port}"
        )
    hosts = ["localhost", "127.0.0.1", "::1", "[::1]", host] if own_token else ["*"]
    deployment = Deployment(worker.names, worker.revision)
    app = Service(deployment, worker, Jobs(limits=limits), token, hosts, limits).app()
    try:
        uvicorn.run(
            app, host=host, port=port, log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=GRACE
        )
    finally:
        worker.stop()
