"""A server that holds a model: calls go there as one request each, and their values come back."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import nnsight

from steerstack import errors
from steerstack.errors import RemoteError, SteerstackError
from steerstack.trace.paths import Paths
from steerstack.trace.remote import far_side
from steerstack.trace.remote.job import Job
from steerstack.trace.remote.pack import pack
from steerstack.trace.remote.pending_jobs import Pending
from steerstack.trace.remote.sources import closure
from steerstack.trace.remote.wire import unpacked

nnsight.register("steerstack.trace.remote.far_side")

_NEEDED = frozenset({"steerstack.trace.model", "steerstack.trace.remote.wire"})
"""Modules of which the far side makes use for every call."""

LOCAL = "local"
"""In place of an address: the call is packed and unpacked as for a server, and runs here."""

LAST_WAIT = 15.0
"""Seconds that are waited at most before a new try."""

log = logging.getLogger(__name__)


@dataclass
class Server:
    """Where a model runs.

    Attributes
    ----------
    envoy:
        The model as nnsight knows it, on meta weights.
    name, revision:
        Of the model.
    host:
        Address; :data:`LOCAL` for none.
    key:
        API key or token.
    patience:
        Seconds for which an unreachable server is tried again.
    wait:
        Seconds before the first new try; each further one waits twice as long, up to :data:`LAST_WAIT`.
    shard:
        Items that are scored in one request: what an interruption can cost.
    paths:
        The shortcuts that agree with plain passes there; None until they were tried.
    requests:
        How many requests were sent.
    sent, received:
        Bytes of calls that went there, before compression, and of values that came back.
    """

    envoy: Any
    name: str
    revision: str | None
    host: str
    key: str | None = field(default=None, repr=False)
    patience: float = 300.0
    wait: float = 0.5
    shard: int = 512
    paths: Paths | None = field(default=None, repr=False, init=False)
    requests: int = field(default=0, init=False)
    sent: int = field(default=0, init=False)
    received: int = field(default=0, init=False)

    def __str__(self) -> str:
        return self.host

    def call(self, function: Callable[..., Any], gives: Collection[type], *args: Any, **kwargs: Any) -> tuple[Any, int]:
        """Run a module's function there, on the model; its value, and how much progress it told of.

        ``gives`` are the classes of which its value may hold objects, besides numbers, text and tensors.

        Raises
        ------
        RemoteError
            The call cannot be sent, the server cannot be reached, refuses, or failed.
        SteerstackError
            What the function raised there.
        """
        about = (self.name, self.revision, self.paths)
        payload, modules = pack((function.__module__, function.__qualname__, args, kwargs, about))
        sources, soft = closure({function.__module__, *_NEEDED, *modules})
        packed = self._send(sources, soft, payload)
        self.sent += len(payload) + sum(len(text) for text, _ in sources.values())
        self.received += len(packed)
        match unpacked(packed, gives, sources):
            case ("value", value, int(done)):
                return value, done
            case ("error", str(name), (str(happened), str(seen), str(fix))):
                kind = getattr(errors, name, None)
                if not isinstance(kind, type) or not issubclass(kind, SteerstackError):
                    kind = RemoteError
                raise kind(happened, seen=seen, fix=fix)
        raise RemoteError(f"{self.host} answers with something other than the value of a call.")

    def _send(self, sources: Any, soft: Any, payload: bytes) -> bytes:
        """Send one request and wait for its answer, again after a pause where the server is not there."""
        self.requests += 1
        if self.host == LOCAL:
            return _block(self.envoy, None, sources, soft, payload)
        key = self.envoy.to_model_key()
        pending = Pending(self.host, key, sources, soft, payload)
        job = Job(key, host=self.host, api_key=self.key, env=self.envoy._remoteable_get_env(), pending=pending)
        _block(self.envoy, job, sources, soft, payload)
        began, wait = time.monotonic(), self.wait
        while True:
            try:
                saved = job.result().get("said")
                if not isinstance(saved, bytes):
                    raise RemoteError(
                        f"{self.host} answers with something other than the value of a call.",
                        seen=type(saved).__name__,
                    )
                return saved
            except ConnectionError as error:
                if time.monotonic() - began + wait > self.patience:
                    raise RemoteError(
                        f"The server {self.host} cannot be reached.",
                        seen=str(error),
                        fix="Start it (steerstack serve MODEL), or check the address. "
                        "A study goes on where it stopped when the same command is given again.",
                    ) from error
                log.warning("%s cannot be reached; trying again in %.1f s", self.host, wait)
                time.sleep(wait)
                wait = min(LAST_WAIT, 2 * wait)


def _block(envoy: Any, job: Job | None, sources: Any, soft: Any, payload: bytes) -> Any:
    """The one traced block that ever goes to a server; without a job it runs here."""
    answer: Any = far_side.answer
    said: Any = None  # its name travels: the client asks the job for "said"
    how = {"remote": LOCAL} if job is None else {"backend": job}
    with envoy.session(**how):
        said = nnsight.save(answer(envoy, sources, soft, payload))
    return said  # noqa: RET504  # nnsight writes it into this frame, which is not seen in the block
